/**
 * `npm run sim`: the real nodes in virtual time. Exit codes: 0 all well, 1 a rule of handoff.md was broken, 2 bad
 * arguments. Results go to standard output, progress to standard error.
 */
import { ShoalError } from '@shoal/agent';
import { type Command, parseCommand, USAGE } from './arguments.ts';
import { campaign } from './campaign.ts';
import { allCells } from './coverage.ts';
import { PLANTS, plant } from './plants.ts';
import { run } from './run.ts';
import { scenario, scenarioNames } from './scenario.ts';
import { partitionRun, sleepRun } from './sleep.ts';
import type { Failure, Summary } from './summary.ts';

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** A planted fault that needs more seeds than this is hardly looked for. */
const PLANT_SEEDS = 2000;

/** How to see a failed run again. */
const again = (seed: number, nodes: number) =>
  `npm run sim -- --seed ${seed}${nodes === 5 ? '' : ` --nodes ${nodes}`}`;

async function seed({
  seed,
  nodes,
  calm,
  plain,
  planted,
}: Extract<Command, { verb: 'seed' }>): Promise<number> {
  if (planted !== undefined) plant(planted);
  const plants = new Set(planted === undefined ? [] : [planted]);
  const result = await run({ seed, nodes, faults: !calm, plain, log: true, plants });
  for (const line of result.log) print(line);
  return result.violations.length > 0 ? 1 : 0;
}

async function seeds({ count, from, nodes, json }: Extract<Command, { verb: 'seeds' }>): Promise<number> {
  const startMs = performance.now();
  let told = 0;
  const progress = (sum: Summary) => {
    const seconds = (performance.now() - startMs) / 1000;
    if (seconds - told < 5 && sum.seeds < count) return;
    told = seconds;
    say(
      `${sum.seeds} of ${count} seeds, ${sum.moves} moves, ${sum.violations.length} failed, ${seconds.toFixed(0)} s`,
    );
  };
  const failed = (failure: Failure) =>
    say(`seed ${failure.seed}: ${failure.violations[0]}\n  ${again(failure.seed, nodes)}`);
  const sum = await campaign({ from, count, nodes, progress, failed });
  const { cells, ...rest } = sum;
  const missed = allCells().filter(cell => !cells[cell]);
  const coverage = { cells: allCells().length, reached: allCells().length - missed.length, missed };
  print(json ? JSON.stringify({ ...rest, coverage }, null, 2) : text(sum, missed));
  return sum.violations.length > 0 ? 1 : 0;
}

function text(sum: Summary, missed: string[]): string {
  const list = (counts: Record<string, number>) =>
    Object.entries(counts)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, count]) => `${key} ${count}`)
      .join(', ');
  return [
    `${sum.seeds} seeds: ${sum.moves} moves, ${sum.handoffs} handoffs, ${sum.violations.length} seeds failed`,
    `outcomes: ${list(sum.outcomes)}`,
    `injected: ${list(sum.injected)}`,
    `cells of the handoff tables: ${allCells().length - missed.length} of ${allCells().length} reached (--json names the others)`,
  ].join('\n');
}

/** Each night twice: with a storm before it, and with the mesh in two halves. */
async function nights({ count, from }: Extract<Command, { verb: 'nights' }>): Promise<number> {
  let [failed, sleeps, wakes] = [0, 0, 0];
  const startMs = performance.now();
  for (let seed = from; seed < from + count; seed++) {
    const stormy = await sleepRun(seed, false);
    const found = [...stormy.violations, ...(await partitionRun(seed))];
    sleeps += stormy.sleeps;
    wakes += stormy.wakes;
    if (found.length > 0) failed += 1;
    for (const what of found.slice(0, 1)) say(`night ${seed}: ${what}`);
    const done = seed - from + 1;
    if (done % 100 === 0) say(`${done} of ${count} nights, ${failed} failed, ${secondsSince(startMs)} s`);
  }
  print(`${count} nights: ${sleeps} sleeps, ${wakes} wakes, ${failed} nights failed`);
  return failed > 0 ? 1 : 0;
}

const secondsSince = (startMs: number): string => ((performance.now() - startMs) / 1000).toFixed(0);

/** Every planted fault must be found. The clean run beside it tells that it is the fault that was found. */
async function plants({ name, json }: Extract<Command, { verb: 'plants' }>): Promise<number> {
  const wanted = name === undefined ? PLANTS : PLANTS.filter(p => p.name === name);
  if (wanted.length === 0)
    throw new ShoalError('SHOAL_SIM_ARGS', 'no planted fault has that name', name ?? '', '');
  const results: { name: string; found: boolean; seeds: number; by: string; again: string }[] = [];
  for (const { name, what } of wanted) {
    const { first, seeds } = await find(name);
    const by = first?.violations[0]?.split('\n')[0] ?? '';
    const command = first ? `${again(first.seed, 5)} --plant ${name}` : '';
    results.push({ name, found: first !== undefined, seeds, by, again: command });
    if (!json) print(`${first ? 'found' : 'MISSED'}  ${name}: ${what}\n       ${by}\n       ${command}`);
  }
  if (json) print(JSON.stringify(results, null, 2));
  return results.every(r => r.found) ? 0 : 1;
}

/** The first seed that fails with the fault and not without. */
async function find(planted: string): Promise<{ first: Failure | undefined; seeds: number }> {
  let seeds = 0;
  for (let from = 1; from <= PLANT_SEEDS; ) {
    const count = PLANT_SEEDS - from + 1;
    const sum = await campaign({ from, count, nodes: 5, planted, untilFailure: true });
    seeds += sum.seeds;
    for (const failure of sum.violations) {
      const clean = await run({ seed: failure.seed, nodes: 5, faults: true, log: false, plants: new Set() });
      if (clean.violations.length === 0) return { first: failure, seeds };
      say(`seed ${failure.seed} fails without ${planted} too`);
    }
    from += sum.seeds;
  }
  return { first: undefined, seeds };
}

async function scenarios({ name, update }: Extract<Command, { verb: 'scenarios' }>): Promise<number> {
  let failed = 0;
  for (const each of name === undefined ? scenarioNames() : [name]) {
    const { log, faults } = await scenario(each, update);
    if (name !== undefined) for (const line of log) print(line);
    say(`${faults.length > 0 ? 'FAILED' : 'ok'}  ${each}`);
    for (const fault of faults) say(`  ${fault}`);
    failed += faults.length > 0 ? 1 : 0;
  }
  return failed > 0 ? 1 : 0;
}

async function main(command: Command): Promise<number> {
  switch (command.verb) {
    case 'seed':
      return seed(command);
    case 'seeds':
      return seeds(command);
    case 'scenarios':
      return scenarios(command);
    case 'nights':
      return nights(command);
    case 'plants':
      return plants(command);
    default:
      process.stderr.write(USAGE);
      return command.verb === 'help' ? 0 : 2;
  }
}

try {
  process.exitCode = await main(parseCommand(process.argv.slice(2)));
} catch (error) {
  const usage = (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  const ours = error instanceof ShoalError;
  say(`sim: ${ours ? error.line() : usage ? (error as Error).message : (error as Error).stack}`);
  process.exitCode = usage || ours ? 2 : 1;
}
