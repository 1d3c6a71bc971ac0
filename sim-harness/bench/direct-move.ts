/** One measured move of a pair of QEMUs, in the figures of the other arms. */
import { setTimeout as sleep } from 'node:timers/promises';
import { clock } from '@shoal/agent/edge/clock';
import type { Lab } from '../lab/index.ts';
import { watchStrangers } from '../lab/strangers.ts';
import type { Moved } from './curve-figures.ts';
import { AFTER_MS, STEADY_MS, TICK_MS } from './one-move.ts';
import { runOf } from './qemu-figures.ts';
import type { QemuPair } from './qemu-pair.ts';
import { collect, longestGapMs, workLostS, workRate } from './ticks.ts';

export async function directMove(
  lab: Lab,
  pair: QemuPair,
  preempt: boolean,
): Promise<{ moved: Moved; strangersShare: number }> {
  const { ticks, stop } = collect(pair.guest, () => clock.nowMs());
  await sleep(STEADY_MS);
  const strangers = watchStrangers(
    [0, 1],
    lab.nodes.map(node => node.usage),
  );
  const cpu = process.cpuUsage();
  const begunMs = clock.nowMs();
  const found = await pair.move(preempt);
  await sleep(AFTER_MS);
  stop();
  const used = process.cpuUsage(cpu);
  const own = (used.user + used.system) / 1000 / (clock.nowMs() - begunMs) / 2;
  const strangersShare = Math.max(0, strangers.stop() - own);
  const badPages = await pair.guest.verify(100);
  const steady = ticks.filter(t => t.atMs < found.migrateAt);
  const during = ticks.filter(
    t => t.atMs >= found.migrateAt - 2 * TICK_MS && t.atMs <= found.transferredAt + AFTER_MS,
  );
  const guest = {
    guestGapMs: Number(longestGapMs(during).toFixed(1)),
    guestWorkLost: Number(workLostS(during, workRate(steady)).toFixed(3)),
    badPages,
  };
  return { moved: { ...runOf(found, found.transferredAt - found.resumedAt), ...guest }, strangersShare };
}
