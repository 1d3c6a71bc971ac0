/** `npm run chaos [-- options]`: see arguments.ts. */
import { randomInt } from 'node:crypto';
import { ShoalError } from '@shoal/agent';
import { parseChaos, USAGE } from './arguments.ts';
import { type ChaosReport, chaos } from './run.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);

function print(report: ChaosReport, json: boolean): void {
  if (json) return void process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  const list = (of: Record<string, number>) =>
    Object.entries(of)
      .map(([what, count]) => `${what} ${count}`)
      .join(', ') || 'none';
  const lines = [
    `${report.handoffs} handoffs in ${report.seconds} s, seed ${report.seed}`,
    `engines: ${list(report.engines)}`,
    `faults: ${list(report.injected)}`,
    `ends: ${list(report.outcomes)}`,
    `memories compared: ${report.compared}`,
    `times a guest said what it had done: ${report.readings}`,
    `agents that ended under a fault that ends them: ${list(report.agentEnds)}`,
    `VMs started by hand after too many crashes: ${report.startedByHand}`,
    `VMs that waited for pages for ever, and were resolved: ${report.resolved.join('; ') || 'none'}`,
    ...report.refusedToOperator.map(what => `a node did not take such a word: ${what}`),
    ...report.troubles.map(trouble => `the harness failed: ${trouble}`),
    `${report.violations.length} violations`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
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
