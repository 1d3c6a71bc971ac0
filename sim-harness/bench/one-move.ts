/** One measured move of the VM `bench`, wherever it is, to the other node. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Compression, PageOrder } from '@shoal/agent';
import type { HandoffStatus } from '@shoal/agent/edge/http/api.types';
import { ShoalError } from '@shoal/agent/errors';
import type { Engine } from '@shoal/protocol';
import type { GuestPort, Lab } from '../lab/index.ts';
import type { Ballast } from './ballast.ts';
import type { Run } from './figures-table.ts';
import { guestFigures, type Moments, neighbourLostS, signed } from './guest-figures.ts';
import type { Others } from './others.ts';
import { NOT_MEASURED } from './statistics.ts';
import { sourceCpuSPerGb, usedSince, vmmOf } from './vmm-cpu.ts';
import { LateMove, type Seen, watched } from './watched.ts';

const MOVE_MAX_MS = 300_000;

/** Of our engine: an order of pages, whether they travel packed, or (never packed then) how many bytes of bulk are in flight, 0 = it adapts. */
export type Variant = PageOrder | `compression-${Compression}` | `window-${number}`;
/** From QEMU to QEMU over plain TCP, without agents; and so with `postcopy-preempt`. */
export const DIRECT = ['qemu-direct', 'qemu-preempt'] as const;
export type Direct = (typeof DIRECT)[number];
/** What is compared: an engine as it is configured, ours with a variant of its own, or QEMU by itself. */
export type Arm = Engine | Direct | `postcopy:${Variant}`;

export const isDirect = (arm: string): arm is Direct => DIRECT.some(direct => direct === arm);

/**
 * `neighbours`: a guest on each node that wants all of its core; only the one at the source is at work. `lossMs`: the guest is
 * watched at least so long after it runs on the target.
 */
export type MoveWishes = {
  neighbours?: readonly GuestPort[];
  lossMs?: number;
  lateAfterMs?: number;
  ballast: Ballast;
};

/**
 * Cancels a move that takes longer than `lateAfterMs`, if it can still be cancelled, and throws LateMove (SHOAL_BENCH_LATE).
 */
export async function oneMove(
  lab: Lab,
  guest: GuestPort,
  which: Exclude<Arm, Direct>,
  { neighbours = [], lossMs = 0, lateAfterMs = MOVE_MAX_MS, ballast }: MoveWishes,
): Promise<{ result: Run; others: Others }> {
  const { vm, here, there } = await whereIs(lab);
  const beside = await atWork(lab, neighbours, here);
  const [engine, variant = ''] = which.split(':');
  const { moved, seen } = await watched(lab, { guest, vmm: vmmOf(vm), beside, lossMs, ballast }, async () => {
    const [source, target] = await made(lab, [here, there], { engine, ...wishes(variant) }, lateAfterMs);
    const { decided, migrate, stopped } = source.at;
    const { resumed, transferred } = target.at;
    return { source, target, at: { decided, migrate, stopped, resumed, transferred } };
  });
  const { share: strangersShare, cores: strangersCores } = seen.others;
  const result = { ...figures(moved, seen), from: here, to: there, strangersShare, strangersCores };
  return { result, others: seen.others };
}

/** To the node of that name if it is on the other one, and nothing is measured. */
export async function bring(lab: Lab, node: string): Promise<void> {
  const { here, there } = await whereIs(lab);
  if (here !== node) await made(lab, [here, there], { engine: 'postcopy' }, MOVE_MAX_MS);
}

async function whereIs(lab: Lab): Promise<{ vm: string; here: string; there: string }> {
  const { vms } = await lab
    .node('node0')
    .get<{ vms: { vm: string; name: string; node: string }[] }>('/v1/status');
  const { vm = '', node: here = 'node0' } = vms.find(v => v.name === 'bench') ?? {};
  return { vm, here, there: here === 'node0' ? 'node1' : 'node0' };
}

/** What the body of the command says of a variant. Pure. */
export function wishes(variant: string): Record<string, string | number> {
  const [kind, value = ''] = variant.split('-');
  if (kind === 'compression') return { compression: value };
  if (kind === 'window') return { compression: 'off', bulkWindowBytes: Number(value) };
  return variant === '' ? {} : { order: variant };
}

/** Commands the move and waits for its end on both sides. */
async function made(
  lab: Lab,
  [here, there]: [string, string],
  wish: object,
  lateAfterMs: number,
): Promise<[HandoffStatus, HandoffStatus]> {
  const body = { node: there, ...wish };
  const { handoff: id } = await lab
    .node(here)
    .post<{ handoff: string }>('/v1/vms/bench/actions/migrate', body);
  const untilMs = Date.now() + MOVE_MAX_MS;
  const lateMs = Date.now() + lateAfterMs;
  let isLate = false;
  while (Date.now() < untilMs) {
    const ask = (name: string) => lab.node(name).get<HandoffStatus>(`/v1/handoffs/${id}`);
    const [source, target] = await Promise.all([here, there].map(name => ask(name).catch(() => undefined)));
    // The target lets go a moment later, and takes no other VM in until then.
    const isOver = target?.outcome !== '';
    if (source && source.outcome !== '' && source.outcome !== 'done' && isOver) {
      const what = `the move ended as ${source.outcome}: ${source.detail}`;
      throw isLate
        ? new LateMove('SHOAL_BENCH_LATE', what, id, '')
        : new ShoalError('SHOAL_BENCH_MOVE', what, id, '');
    }
    if (source?.outcome === 'done' && target?.outcome === 'done') return [source, target];
    if (!isLate && Date.now() > lateMs) {
      isLate = true;
      // One that cannot be cancelled any more is about to end by itself.
      await lab
        .node(here)
        .post('/v1/vms/bench/actions/cancel')
        .catch(() => undefined);
    }
    await sleep(200); // seldom: asking costs the node that is measured
  }
  throw new ShoalError('SHOAL_BENCH_MOVE', `the move did not end in ${MOVE_MAX_MS} ms`, id, '');
}

function figures(
  { source, target, at }: { source: HandoffStatus; target: HandoffStatus; at: Moments },
  { ticks, besideTicks, vmm, badPages }: Seen,
) {
  const round = (value: number, digits = 1) => Number(value.toFixed(digits));
  const dataBytes = Math.max(target.dataBytes, target.streamBytes);
  const gb = dataBytes / 1e9;
  const { count, sumUs, p50Us, p99Us, maxUs } = target.faults;
  const beside = neighbourLostS(besideTicks, at);
  return {
    switchMs: round(at.resumed - at.migrate),
    blackoutMs: round(at.resumed - at.stopped),
    transferMs: round(at.transferred - at.resumed),
    bulkMs: round(at.transferred - at.stopped),
    totalMs: round(at.transferred - at.decided),
    wireBytes: target.wireBytes,
    dataBytes,
    urgentBytes: target.bytes.urgent,
    bulkBytes: target.bytes.bulk,
    packedFromBytes: target.packedFromBytes,
    packedBytes: target.packedBytes,
    faults: count,
    faultMeanUs: count > 0 ? round(sumUs / count) : 0,
    ...{ faultP50Us: p50Us, faultP99Us: p99Us, faultMaxUs: maxUs },
    ...guestFigures(ticks, at),
    cpuS: round((source.pagesCpuMs + target.pagesCpuMs) / 1000, 2),
    // The VMM of a pre-copy works before the stop, and its guest beside it: not to be told apart.
    sourceCpuSPerGb:
      source.engine === 'precopy'
        ? NOT_MEASURED
        : sourceCpuSPerGb(source.pagesCpuMs, usedSince(vmm, at.stopped), gb),
    neighbourLostSPerGb: signed(beside === undefined ? undefined : beside / gb),
    badPages,
  };
}

/** Answers the one that is at work. */
export async function atWork(
  lab: Lab,
  neighbours: readonly GuestPort[],
  here: string,
): Promise<GuestPort | undefined> {
  for (const [i, guest] of neighbours.entries())
    await guest.command(`load ${lab.nodes[i]?.name === here ? 100 : 0}`);
  return neighbours.find((_, i) => lab.nodes[i]?.name === here);
}
