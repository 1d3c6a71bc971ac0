/** `npm run outsiders`: attacks on real agents. Exit codes: see USAGE. */
import { parseArgs } from 'node:util';
import { ShoalError } from '@shoal/agent';
import { ATTACKS, outsiders } from './run.ts';

const USAGE = `usage: npm run outsiders [-- --only WORD[,WORD…] --connections 10000 --json]
       npm run outsiders -- --list     the attacks

Needs root: agents run in network namespaces.
exit codes: 0 no attack did anything, 1 one did, 2 bad arguments
`;
/** Descriptors of this process, and ports of one address, end somewhere. */
const CONNECTIONS_MAX = 20_000;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      connections: { type: 'string', default: '10000' },
      json: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const print = (text: string) => process.stdout.write(`${text}\n`);
  if (values.help) {
    print(USAGE.trimEnd());
    return 0;
  }
  if (values.list) {
    for (const { name, what } of ATTACKS) print(`${name.padEnd(20)} ${what}`);
    return 0;
  }
  const words = values.only?.split(',') ?? [''];
  const attacks = ATTACKS.filter(a => words.some(word => a.name.includes(word)));
  if (attacks.length === 0) throw bad(`no attack has ${values.only} in its name`, '--only');
  const connections = Number(values.connections);
  if (!Number.isInteger(connections) || connections < 1 || connections > CONNECTIONS_MAX)
    throw bad(`${values.connections} is no number from 1 to ${CONNECTIONS_MAX}`, '--connections');
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const outcomes = await outsiders({ attacks, connections, say });
  const failed = outcomes.filter(o => o.violations.length > 0);
  if (values.json) print(JSON.stringify({ connections, outcomes }, null, 2));
  else print(`${outcomes.length} attacks, ${failed.length} of them did something`);
  return failed.length === 0 ? 0 : 1;
}

const bad = (what: string, where: string): ShoalError =>
  new ShoalError('SHOAL_OUTSIDERS_ARGS', what, where, 'See outsiders -- --help');

try {
  process.exit(await main());
} catch (error) {
  const usage = (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  const ours = error instanceof ShoalError;
  process.stderr.write(
    `outsiders: ${ours ? error.line() : usage ? (error as Error).message : (error as Error).stack}\n`,
  );
  process.exit(usage || (ours && error.code === 'SHOAL_OUTSIDERS_ARGS') ? 2 : 1);
}
