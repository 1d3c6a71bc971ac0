/** What every measured move has around it, whoever makes it: the guest's steady time before and after, and who else used the cores. */
import { setTimeout as sleep } from 'node:timers/promises';
import { clock } from '@shoal/agent/edge/clock';
import { ShoalError } from '@shoal/agent/errors';
import type { GuestPort, Lab } from '../lab/index.ts';
import type { Ballast } from './ballast.ts';
import { type Moments, STEADY_MS, watchedUntilMs } from './guest-figures.ts';
import { type Others, watchOthers, worst } from './others.ts';
import { collect, type Tick } from './ticks.ts';
import { type CpuLook, watchCpu } from './vmm-cpu.ts';

/**
 * `vmm`: of the source, whose CPU time is watched. `beside`: a guest that is at work there. `lossMs`: see `watchedUntilMs`. `ballast`:
 * taken before the steady time, let go of right before the move.
 */
export type Watched = {
  guest: GuestPort;
  vmm: number | undefined;
  beside: GuestPort | undefined;
  lossMs: number;
  ballast: Ballast;
};

export type Seen = {
  ticks: Tick[];
  besideTicks: Tick[];
  vmm: CpuLook[];
  /** The worst of the steady time, the move and the time after it. */
  others: Others;
  badPages: number;
};

/** A move that was cancelled because it took too long. `others`: until then. */
export class LateMove extends ShoalError {
  others: Others = { share: 0, cores: [] };
}

export async function watched<T extends { at: Moments }>(
  lab: Lab,
  { guest, vmm: pid, beside, lossMs, ballast }: Watched,
  move: () => Promise<T>,
): Promise<{ moved: T; seen: Seen }> {
  const nowMs = () => clock.nowMs();
  await ballast.take();
  const steady = watchOthers(lab);
  const neighbour = beside && collect(beside, nowMs);
  const { ticks, stop } = collect(guest, nowMs);
  const vmm = watchCpu(pid, nowMs);
  const parts: Others[] = [];
  try {
    await sleep(STEADY_MS);
    parts.push(steady());
    await ballast.drop();
    const during = watchOthers(lab);
    const moved = await move().catch(error => {
      if (error instanceof LateMove) error.others = worst([...parts, during()]);
      throw error;
    });
    parts.push(during());
    const after = watchOthers(lab);
    await sleep(Math.max(0, watchedUntilMs(moved.at, lossMs) - nowMs()));
    parts.push(after());
    stop();
    neighbour?.stop();
    const badPages = await guest.verify(100);
    const seen = { ticks, besideTicks: neighbour?.ticks ?? [], vmm: vmm.stop() };
    return { moved, seen: { ...seen, others: worst(parts), badPages } };
  } finally {
    stop();
    neighbour?.stop();
    vmm.stop();
  }
}
