/** What a link of the lab does by itself, with nothing else on it. */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ShoalError } from '@shoal/agent/errors';
import type { Lab, LabNode } from '../lab/index.ts';
import type { LinkFigures } from './curve-figures.ts';
import { disturbed, type Others, percent, watchOthers } from './others.ts';
import { TRIES } from './take-turns.ts';

const exec = promisify(execFile);
/** iperf3 listens a moment after it starts. */
const LISTENS_MS = 300;

/** Mbit/s of payload, from the first node to the second and back. */
export type RawTcp = { there: number; back: number; others: Others };

const ends = (lab: Lab, from: 0 | 1) => {
  const [a, b] = from === 0 ? lab.nodes : [...lab.nodes].reverse();
  if (!a || !b) throw new Error('assertion failed: a link has two nodes');
  return [a, b] as const;
};

/**
 * One TCP stream of iperf3 from one node to the other. Each end runs where that node's page servers do, on its core: so what
 * it uses is the lab's own, and raw TCP has no core that a move has not.
 */
export async function rawTcp(
  lab: Lab,
  seconds: number,
  from: 0 | 1,
): Promise<{ mbit: number; others: Others }> {
  const [a, b] = ends(lab, from);
  const server = exec(...inside(b, '-s', '-1', '-B', b.address));
  server.catch(() => undefined);
  await sleep(LISTENS_MS);
  const others = watchOthers(lab);
  try {
    const { stdout } = await exec(...inside(a, '-J', '-t', String(seconds), '-c', b.address));
    return { mbit: mbitOf(stdout), others: others() };
  } finally {
    server.child.kill();
  }
}

function inside({ netns, cgroups }: LabNode, ...args: string[]): [string, string[]] {
  const command = netns === '' ? ['iperf3'] : ['nsenter', `--net=/run/netns/${netns}`, 'iperf3'];
  const groups = cgroups.agent.map(dir => `echo $$ > ${dir}/cgroup.procs`).join(' && ') || ':';
  return ['sh', ['-c', `${groups} && exec "$@"`, 'sh', ...command, ...args]];
}

/** Both ways, each again while others use the cores. What others used at last is told with it. */
export async function rawTcpBothWays(
  lab: Lab,
  seconds: number,
  say: (line: string) => void,
): Promise<RawTcp> {
  const oneWay = async (from: 0 | 1) => {
    for (let tries = 1; ; tries++) {
      const raw = await rawTcp(lab, seconds, from);
      const why = disturbed(raw.others);
      if (why === '' || tries === TRIES) return raw;
      say(`raw TCP ${raw.mbit} Mbit/s: discarded, ${why}`);
    }
  };
  const [there, back] = [await oneWay(0), await oneWay(1)];
  const share = Math.max(there.others.share, back.others.share);
  const cores = there.others.cores.map((core, i) => Math.max(core, back.others.cores[i] ?? 0));
  return { there: there.mbit, back: back.mbit, others: { share, cores } };
}

/** One line. Pure. */
export const rawText = ({ rate, rawTcpMbit: raw }: { rate: string; rawTcpMbit: RawTcp }): string =>
  `link ${rate}: raw TCP ${raw.there} Mbit/s from node0, ${raw.back} from node1, others ${percent(raw.others.share)}\n`;

/** Of what the receiver got. Pure. */
export function mbitOf(json: string): number {
  const { end } = JSON.parse(json) as { end: { sum_received: { bits_per_second: number } } };
  return Math.round(end.sum_received.bits_per_second / 1e6);
}

/** Least round trip between the two agents that the kernel saw in the last five minutes (`tcp_min_rtt_wlen`, ip-sysctl). */
async function leastRtt(lab: Lab): Promise<number> {
  const [a, b] = ends(lab, 0);
  const { stdout } = await exec('nsenter', [`--net=/run/netns/${a.netns}`, 'ss', '-tinH', 'dst', b.address]);
  return leastRttUs(stdout);
}

/** Out of `ss -ti`, which says it in ms. Throws where it says none. Pure. */
export function leastRttUs(text: string): number {
  const all = [...text.matchAll(/\bminrtt:([\d.]+)/g)].map(([, ms]) => Number(ms));
  if (all.length > 0) return Math.round(Math.min(...all) * 1000);
  throw new ShoalError(
    'SHOAL_BENCH_RTT',
    'no TCP connection between the nodes',
    'ss -ti',
    "Look at the agents' logs",
  );
}

/** The way that a move is about to go. */
export async function linkFigures(
  lab: Lab,
  seconds: number,
  from: 0 | 1,
): Promise<{ link: LinkFigures; others: Others }> {
  const { mbit: rawTcpMbit, others } = await rawTcp(lab, seconds, from);
  return { link: { rawTcpMbit, rttUs: await leastRtt(lab) }, others };
}
