/** `npm run chaos [-- options]`: see arguments.ts. */
import { randomInt } from 'node:crypto';
import { ShoalError } from '@shoal/agent';
import { parseChaos, USAGE } from './arguments.ts';
import { type ChaosReport, chaos } from './run.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);

function print(report: ChaosReport, json: boolean): void {
  if (json) return void process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  const {
    handoffs,
    injected,
    outcomes,
    compared,
    violations,
    seconds,
    seed,
    agentEnds,
    startedByHand,
    troubles,
  } = report;
  const list = (of: Record<string, number>) =>
    Object.entries(of)
      .map(([what, count]) => `${what} ${count}`)
      .join(', ');
  process.stdout.write(
    `${handoffs} handoffs in ${seconds} s, seed ${seed}\nfaults: ${list(injected)}\nends: ${list(outcomes)}\nmemories compared: ${compared}\nagents that ended under a fault that ends them: ${list(agentEnds) || 'none'}\nVMs started by hand after too many crashes: ${startedByHand}\n${troubles.map(t => `the harness failed: ${t}\n`).join('')}${violations.length} violations\n`,
  );
}

async function main(args: string[]): Promise<number> {
  const options = parseChaos(args, randomInt(2 ** 32));
  if (options === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  say(`seed ${options.seed}`);
  const report = await chaos(options, say);
  print(report, options.json);
  if (report.violations.length > 0) return 1;
  // A harness that failed in its own part has not shown what it was to show.
  return report.handoffs < options.handoffs || report.troubles.length > 0 ? 2 : 0;
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  const usage = (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  const ours = error instanceof ShoalError;
  say(`chaos: ${ours ? error.line() : usage ? (error as Error).message : (error as Error).stack}`);
  process.exit(usage || (ours && error.code === 'SHOAL_CHAOS_ARGS') ? 2 : 1);
}
