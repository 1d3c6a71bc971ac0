/** One measured move of a pair of QEMUs, in the figures of the other arms. */
import type { GuestPort, Lab } from '../lab/index.ts';
import type { Run } from './figures-table.ts';
import { guestFigures, neighbourLostS, signed } from './guest-figures.ts';
import { atWork, type MoveWishes } from './one-move.ts';
import type { Others } from './others.ts';
import { runOf } from './qemu-figures.ts';
import type { QemuPair } from './qemu-pair.ts';
import { sourceCpuSPerGb, usedSince } from './vmm-cpu.ts';
import { watched } from './watched.ts';

export async function directMove(
  lab: Lab,
  pair: QemuPair,
  preempt: boolean,
  { neighbours = [], lossMs = 0, ballast }: MoveWishes,
): Promise<{ result: Run; others: Others }> {
  const { here: from, there: to, pid: vmm } = pair;
  const beside: GuestPort | undefined = await atWork(lab, neighbours, from);
  const watch = { guest: pair.guest, vmm, beside, lossMs, ballast };
  const { moved, seen } = await watched(lab, watch, () => pair.move(preempt));
  const { at } = moved;
  const gb = moved.pageBytes / 1e9;
  const lost = neighbourLostS(seen.besideTicks, at);
  const { share: strangersShare, cores: strangersCores } = seen.others;
  const result = {
    ...runOf(moved, at),
    ...guestFigures(seen.ticks, at),
    sourceCpuSPerGb: sourceCpuSPerGb(0, usedSince(seen.vmm, at.stopped), gb),
    neighbourLostSPerGb: signed(lost === undefined ? undefined : lost / gb),
    badPages: seen.badPages,
    ...{ from, to, strangersShare, strangersCores },
  };
  return { result, others: seen.others };
}
