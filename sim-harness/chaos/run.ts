/** One chaos run from its first agent to its report. */
import { cpSync, lstatSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agents } from './agents.ts';
import { type ChaosOptions, commandOf } from './arguments.ts';
import { explained, ownEnds } from './checks/agents.ts';
import { processesOf } from './checks/proc.ts';
import { Runners } from './checks/runners.ts';
import { type Violation, violation } from './checks/violation.ts';
import { Injector } from './faults/inject.ts';
import { Deck, KINDS, type Kind } from './faults/kinds.ts';
import { Keeper } from './keeper.ts';
import { Moves } from './moves.ts';
import { Operator } from './operator.ts';
import { Quiet } from './quiet.ts';
import { Random } from './random.ts';
import { Steps } from './steps.ts';
import { createWorld, makeVms, type World } from './world.ts';

export type ChaosReport = {
  handoffs: number;
  injected: Record<Kind, number>;
  outcomes: Record<string, number>;
  /** Offers that were refused; they are no handoffs. */
  refused: Record<string, number>;
  /** Memories of guests that were read whole behind a handoff, and found right unless a violation says otherwise. */
  compared: number;
  /** How often a guest itself was asked for its work and its wrong pages, and answered. */
  readings: number;
  /** Agents that ended without being killed, by the fault that explains it (any other is a violation). Each was started again. */
  agentEnds: Record<string, number>;
  /** VMs that crashed so often that their agent gave up on them, and were started by hand. */
  startedByHand: number;
  /** Handoffs by engine, and VMs that waited for pages for ever after QEMU's own post-copy was broken: ended by `shoal resolve`. */
  engines: Record<string, number>;
  resolved: string[];
  /** Such words that a node did not take, by VM, each reason once. */
  refusedToOperator: string[];
  /** What the harness itself failed to do. */
  troubles: string[];
  violations: Violation[];
  seconds: number;
  seed: number;
  driver: string;
  command: string;
  /** Kept when there is a violation. */
  logs: string;
};

/** A quiet point costs some seconds: so many handoffs lie between two. */
const QUIET_EVERY = 100;
const SAMPLE_EVERY_MS = 200;
const PROGRESS_EVERY_MS = 10_000;
/** Real guests boot under emulation, several on a core. */
const BEGIN_MS = 240_000;

export async function chaos(options: ChaosOptions, say: (line: string) => void): Promise<ChaosReport> {
  const startMs = Date.now();
  const seconds = () => (Date.now() - startMs) / 1000;
  const over = () => seconds() > options.seconds;
  const world = await createWorld(options, say);
  const random = new Random(options.seed);
  const agents = new Agents();
  const injector = new Injector(world, agents);
  const steps = new Steps(world.lab);
  const moves = new Moves(world, steps, injector, new Deck(random), random);
  const keeper = new Keeper(world, agents, injector, steps);
  const operator = new Operator(world, say);
  const quiet = new Quiet(world, { injector, keeper, moves, steps, operator });
  const runners = new Runners();
  const found = new Map<string, Violation>();
  const note = (violations: Violation[]) => {
    for (const v of violations) {
      if (!found.has(v.what)) say(`VIOLATION ${v.check}: ${v.what}`);
      found.set(v.what, v);
    }
  };
  const sampler = setInterval(() => {
    runners.look(processesOf(world.places));
    note([...runners.violations, ...ownEnds(keeper.agentEnds, injector.excuses)]);
  }, SAMPLE_EVERY_MS);
  const progress = setInterval(() => {
    const faults = [...injector.counts.values()].reduce((sum, n) => sum + n, 0);
    say(
      `${Math.round(seconds())} s: ${moves.begun.length} of ${options.handoffs} handoffs, ${faults} faults, ${found.size} violations`,
    );
  }, PROGRESS_EVERY_MS);
  let logs = '';
  try {
    await makeVms(world);
    const kept = keeper.run();
    await atWork(keeper);
    while (moves.begun.length < options.handoffs && !over() && found.size === 0) {
      await moves.run(Math.min(QUIET_EVERY, options.handoffs - moves.begun.length), over);
      note(await quiet.look());
    }
    // A guest that a violation is about may not answer any more.
    note(found.size === 0 ? await quiet.disks() : keeper.lost);
    if (quiet.compared === 0 && found.size === 0 && moves.begun.length >= options.handoffs)
      note([violation('memory', 'no memory was compared in the whole run')]);
    if (keeper.readings.length === 0 && found.size === 0)
      note([violation('memory', 'no guest said a word about its work in the whole run')]);
    keeper.close();
    await kept;
    note(ownEnds(keeper.agentEnds, injector.excuses));
  } finally {
    clearInterval(sampler);
    clearInterval(progress);
    keeper.close();
    steps.close();
    world.ledgers.close();
    if (found.size > 0 || moves.begun.length < options.handoffs) {
      logs = keepLogs(world, injector);
      say(`logs: ${logs}\nagain: ${commandOf(options)}`);
    }
    await world.lab.down();
  }
  const counts = (of: Map<string, number>) => Object.fromEntries([...of].sort());
  return {
    handoffs: moves.begun.length,
    injected: Object.fromEntries(KINDS.map(k => [k, injector.counts.get(k) ?? 0])) as Record<Kind, number>,
    outcomes: counts(quiet.outcomes),
    refused: counts(moves.refused),
    compared: quiet.compared,
    readings: keeper.readings.length,
    agentEnds: counts(tally(keeper.agentEnds.flatMap(end => explained(end, injector.excuses) ?? []))),
    startedByHand: keeper.startedByHand,
    engines: counts(tally(moves.begun.map(b => b.engine))),
    resolved: operator.resolved,
    refusedToOperator: operator.refused,
    troubles: injector.troubles,
    violations: [...found.values()],
    seconds: Math.round(seconds()),
    seed: options.seed,
    driver: options.driver,
    command: commandOf(options),
    logs,
  };
}

function tally(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

async function atWork(keeper: Keeper): Promise<void> {
  const untilMs = Date.now() + BEGIN_MS;
  for (let idle = keeper.idle(); idle.length > 0; idle = keeper.idle()) {
    if (Date.now() > untilMs) throw new Error(`not at work after ${BEGIN_MS} ms: ${idle.join(', ')}`);
    await sleep(100);
  }
}

/** Logs of agents and guests, the faults and all ledgers, out of the lab's way, which takes its own along. */
function keepLogs({ lab, ledgerDir, options, places }: World, { told }: Injector): string {
  const dir = join(dirname(ledgerDir), `seed-${options.seed}`);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  for (const node of lab.nodes) cpSync(node.state.log, join(dir, `${node.name}.log`));
  writeFileSync(join(dir, 'faults.jsonl'), told.map(fault => `${JSON.stringify(fault)}\n`).join(''));
  cpSync(ledgerDir, join(dir, 'ledgers'), { recursive: true });
  cpSync(places.runRoot, join(dir, 'run'), {
    recursive: true,
    filter: path => lstatSync(path).isDirectory() || lstatSync(path).isFile(),
  });
  return dir;
}
