/**
 * `npm run bench -- detection` (options: bench-table.ts): how soon a silent death is noticed, and
 * whether the living are missed while other processes want their cores. Real agents in namespaces; what each of them
 * hears, and when, is read off their traces, so that measuring costs them nothing. All rules are judged on the same run.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { clock } from '@shoal/agent/edge/clock';
import { bringUp, type Lab, type LabNode } from '../lab/index.ts';
import { machineFacts } from '../lab/machine.ts';
import {
  arrivalsOf,
  type Death,
  noticedMs,
  phi,
  plain,
  silences,
  spread,
  type Window,
} from './detection-figures.ts';
import { number } from './options.ts';
import { parse } from './usage.ts';

const PERIOD_MS = 1000;
/** Three periods is what the time to notice is held against. */
const LATE_MS = 3 * PERIOD_MS;
const DEAD_MS = 4500;
/** A death at any point of a period. */
const PHASE_MS = 1000;
const HOGS_MS = 5000;
const HOG_WINDOWS = 3;
/** Traces are written once a second. */
const FLUSH_MS = 2500;
const SETTLE_MS = 10_000;
const RULES = [plain(1500), plain(2000), plain(2500), plain(3000), phi];

type Kind = 'stopped' | 'unplugged';

export async function run(args: string[]): Promise<number> {
  const values = parse('detection', args);
  const nodes = number('--nodes', values.nodes, 32, 2);
  const trials = number('--trials', values.trials, 1000, 0);
  const hogs = number('--hogs', values.hogs, 2000, 0);
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const lab = await bringUp({
    name: 'detect',
    nodes,
    driver: 'micro',
    net: 'netns',
    link: 'none',
    cores: 'none',
    mode: 'observe',
    traceReports: true,
  });
  try {
    await sleep(SETTLE_MS);
    const deaths: Record<Kind, Death[]> = { stopped: [], unplugged: [] };
    for (let i = 0; i < trials; i++) {
      for (const kind of ['stopped', 'unplugged'] as const) deaths[kind].push(await death(lab, kind));
      say(`${i + 1} of ${trials} deaths of each kind`);
    }
    const windows: Window[] = [];
    for (let i = 0; hogs > 0 && i < HOG_WINDOWS; i++) windows.push(await starve(hogs));
    await sleep(FLUSH_MS);
    const report = { machine: machineFacts(), nodes, ...figures(lab, deaths, windows, hogs) };
    process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : textOf(report));
    return 0;
  } finally {
    await lab.down();
  }
}

/** One node dies without a word, lies dead for a while, and is back in the view of all. */
async function death(lab: Lab, kind: Kind): Promise<Death> {
  const node = lab.nodes[Math.floor(Math.random() * lab.nodes.length)] as LabNode;
  await sleep(Math.random() * PHASE_MS);
  const atMs = clock.nowMs();
  await set(lab, node, kind, 'dead');
  await sleep(DEAD_MS);
  const untilMs = clock.nowMs();
  await set(lab, node, kind, 'alive');
  await lab.converged();
  // The reports that waited have come, and the next ones keep their pace.
  await sleep(2 * PERIOD_MS);
  return { author: node.state.peerId, atMs, untilMs };
}

async function set(lab: Lab, node: LabNode, kind: Kind, to: 'dead' | 'alive'): Promise<void> {
  if (kind === 'unplugged') await lab.plug(node.name, to === 'dead' ? 'down' : 'up');
  else process.kill(node.pid as number, to === 'dead' ? 'SIGSTOP' : 'SIGCONT');
}

/** So many processes that want a core each, at the niceness of everybody, for five seconds. */
async function starve(hogs: number): Promise<Window> {
  const fromMs = clock.nowMs();
  const all: ChildProcess[] = [];
  try {
    for (let i = 0; i < hogs; i++) all.push(spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' }));
    await sleep(HOGS_MS);
  } finally {
    for (const hog of all) hog.kill('SIGKILL');
  }
  const toMs = clock.nowMs();
  await sleep(HOGS_MS);
  return { fromMs, toMs };
}

function figures(lab: Lab, deaths: Record<Kind, Death[]>, windows: Window[], hogs: number) {
  const arrivals = new Map(
    lab.nodes.map(({ state }) => [
      state.peerId,
      arrivalsOf(state.trace && existsSync(state.trace) ? readFileSync(state.trace, 'utf8') : ''),
    ]),
  );
  return {
    hogs: { count: hogs, seconds: HOGS_MS / 1000, windows: windows.length },
    rules: RULES.map(rule => {
      const noticed = (kind: Kind) => {
        const ms = noticedMs(arrivals, deaths[kind], rule);
        return { observed: ms.length, late: ms.filter(m => m > LATE_MS).length, ms: spread(ms) };
      };
      const gaps = silences(arrivals, windows, rule);
      return {
        rule: rule.name,
        stopped: noticed('stopped'),
        unplugged: noticed('unplugged'),
        starved: {
          observed: gaps.length,
          falseAlarms: gaps.filter(g => g.gapMs > g.allowedMs).length,
          gapMs: spread(gaps.map(g => g.gapMs)),
        },
      };
    }),
  };
}

function textOf({ nodes, hogs, rules }: ReturnType<typeof figures> & { nodes: number }): string {
  const lines = rules.map(({ rule, stopped, unplugged, starved }) => {
    const dead = [stopped, unplugged].map(
      d => `${d.late} of ${d.observed} late (p50 ${d.ms.p50} ms, max ${d.ms.max} ms)`,
    );
    return `${rule.padEnd(8)} stopped: ${dead[0]}; unplugged: ${dead[1]}; starved: ${starved.falseAlarms} false alarms in ${starved.observed} (longest silence ${starved.gapMs.max} ms)`;
  });
  return `${[`${nodes} nodes, late after ${LATE_MS} ms, ${hogs.count} hogs for ${hogs.windows} × ${hogs.seconds} s`, ...lines].join('\n')}\n`;
}
