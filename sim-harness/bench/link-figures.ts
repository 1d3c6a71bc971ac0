/** What a link of the lab does by itself, with nothing else on it. */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ShoalError } from '@shoal/agent/errors';
import type { Lab } from '../lab/index.ts';
import type { LinkFigures } from './curve-figures.ts';

const exec = promisify(execFile);
/** iperf3 listens a moment after it starts. */
const LISTENS_MS = 300;

const ends = (lab: Lab) => {
  const [a, b] = lab.nodes;
  if (!a || !b) throw new Error('assertion failed: a link has two nodes');
  return [a, b] as const;
};

/** One TCP stream of iperf3 from the first node to the second, Mbit/s of payload. */
export async function rawTcp(lab: Lab, seconds: number): Promise<number> {
  const [a, b] = ends(lab);
  const inside = (node: typeof a, ...args: string[]): [string, string[]] =>
    node.netns === '' ? ['iperf3', args] : ['nsenter', [`--net=/run/netns/${node.netns}`, 'iperf3', ...args]];
  const server = exec(...inside(b, '-s', '-1', '-B', b.address));
  server.catch(() => undefined);
  await sleep(LISTENS_MS);
  try {
    const { stdout } = await exec(...inside(a, '-J', '-t', String(seconds), '-c', b.address));
    return mbitOf(stdout);
  } finally {
    server.child.kill();
  }
}

/** Of what the receiver got. Pure. */
export function mbitOf(json: string): number {
  const { end } = JSON.parse(json) as { end: { sum_received: { bits_per_second: number } } };
  return Math.round(end.sum_received.bits_per_second / 1e6);
}

/** Least round trip between the two agents that the kernel saw in the last five minutes (`tcp_min_rtt_wlen`, ip-sysctl). */
async function leastRtt(lab: Lab): Promise<number> {
  const [a, b] = ends(lab);
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

export const linkFigures = async (lab: Lab, seconds: number): Promise<LinkFigures> => ({
  rawTcpMbit: await rawTcp(lab, seconds),
  rttUs: await leastRtt(lab),
});
