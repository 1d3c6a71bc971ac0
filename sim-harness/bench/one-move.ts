/** One measured move of the VM `bench`, wherever it is, to the other node. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Compression, PageOrder } from '@shoal/agent';
import { clock } from '@shoal/agent/edge/clock';
import type { HandoffStatus } from '@shoal/agent/edge/http/api.types';
import { ShoalError } from '@shoal/agent/errors';
import type { Engine } from '@shoal/protocol';
import type { GuestPort, Lab } from '../lab/index.ts';
import { watchStrangers } from '../lab/strangers.ts';
import { collect, longestGapMs, lostBeside, type Tick, workLostS, workRate } from './ticks.ts';
import { usedSince, vmmOf, watchCpu } from './vmm-cpu.ts';

export const TICK_MS = 5;
export const STEADY_MS = 3000;
/** After the last page: the guest's caches and the emulator's code are warm again. */
export const AFTER_MS = 500;
/** Of a neighbour, whose work is counted over seconds: each costs the core that is measured. */
export const NEIGHBOUR_TICK_MS = 50;
const MOVE_MAX_MS = 300_000;

/** Of our engine: an order of pages, whether they travel packed, or (never packed then) how many bytes of bulk are in flight, 0 = it adapts. */
export type Variant = PageOrder | `compression-${Compression}` | `window-${number}`;
/** What is compared: an engine as it is configured, or ours with a variant of its own. */
export type Arm = Engine | `postcopy:${Variant}`;
export type Run = {
  switchMs: number;
  blackoutMs: number;
  transferMs: number;
  /** From the decision to the last page in place. */
  totalMs: number;
  wireBytes: number;
  dataBytes: number;
  /** Of the payload: pages that somebody waited for, and pages unasked. */
  urgentBytes: number;
  bulkBytes: number;
  /** Of it, what travelled packed, and what became of that. */
  packedFromBytes: number;
  packedBytes: number;
  faults: number;
  faultMeanUs: number;
  faultP50Us: number;
  faultP99Us: number;
  faultMaxUs: number;
  guestGapMs: number;
  guestWorkLost: number;
  /** Pages a second that the guest visited, and rewrote where it may, before the move. */
  guestPagesPerS: number;
  cpuS: number;
  /** Of the source alone, its VMM included, from where its guest stood: a second for each GB of the guest's data. */
  sourceCpuSPerGb: number;
  /**
   * What the neighbour on the source could not do while the pages went, in seconds of work alone on the core, for each GB: all
   * that the move takes there, packets that were sent from an interrupt included, which no process is charged for. -1:
   * there was no neighbour.
   */
  neighbourLostSPerGb: number;
  badPages: number;
};

/**
 * Cancels a move that takes longer than `lateAfterMs`, if it can still be cancelled, and throws SHOAL_BENCH_LATE.
 * `neighbours`: a guest on each node that wants all of its core; only the one at the source is at work.
 */
export async function oneMove(
  lab: Lab,
  guest: GuestPort,
  which: Arm,
  neighbours: readonly GuestPort[],
  lateAfterMs = MOVE_MAX_MS,
): Promise<{ result: Run; strangersShare: number }> {
  const lists = await Promise.all(
    lab.nodes.map(n => n.get<{ vms: { vm: string; name: string; node: string }[] }>('/v1/status')),
  );
  const bench = lists[0]?.vms.find(v => v.name === 'bench');
  const here = bench?.node ?? 'node0';
  const there = here === 'node0' ? 'node1' : 'node0';
  const beside = await atWork(lab, neighbours, here);
  const neighbour = beside && collect(beside, () => clock.nowMs());
  const { ticks, stop } = collect(guest, () => clock.nowMs());
  await sleep(STEADY_MS);
  const strangers = watchStrangers(
    [0, 1],
    lab.nodes.map(n => n.usage),
  );
  const cpu = process.cpuUsage();
  const vmm = watchCpu(bench && vmmOf(bench.vm), () => clock.nowMs());
  const begunMs = clock.nowMs();
  const [engine, variant = ''] = which.split(':');
  const { handoff } = await lab.node(here).post<{ handoff: string }>('/v1/vms/bench/actions/migrate', {
    node: there,
    engine,
    ...wishes(variant),
  });
  const ends = ended(lab, here, there, handoff, lateAfterMs);
  const [source, target] = await ends.catch(error => {
    stop();
    neighbour?.stop();
    strangers.stop();
    throw error;
  });
  await sleep(AFTER_MS);
  stop();
  const used = process.cpuUsage(cpu);
  const own = (used.user + used.system) / 1000 / (clock.nowMs() - begunMs) / 2;
  const strangersShare = Math.max(0, strangers.stop() - own);
  const badPages = await guest.verify(100);
  neighbour?.stop();
  const vmmMs = usedSince(vmm.stop(), source.at.stopped);
  const all = { guest: ticks, neighbour: neighbour?.ticks ?? [] };
  return { result: figures(source, target, all, badPages, vmmMs), strangersShare };
}

/** What the body of the command says of a variant. Pure. */
export function wishes(variant: string): Record<string, string | number> {
  const [kind, value = ''] = variant.split('-');
  if (kind === 'compression') return { compression: value };
  if (kind === 'window') return { compression: 'off', bulkWindowBytes: Number(value) };
  return variant === '' ? {} : { order: variant };
}

async function ended(
  lab: Lab,
  here: string,
  there: string,
  id: string,
  lateAfterMs: number,
): Promise<[HandoffStatus, HandoffStatus]> {
  const untilMs = Date.now() + MOVE_MAX_MS;
  const lateMs = Date.now() + lateAfterMs;
  let isLate = false;
  while (Date.now() < untilMs) {
    const [source, target] = await Promise.all(
      [here, there].map(name =>
        lab
          .node(name)
          .get<HandoffStatus>(`/v1/handoffs/${id}`)
          .catch(() => undefined),
      ),
    );
    if (source && source.outcome !== '' && source.outcome !== 'done')
      throw new ShoalError(
        isLate ? 'SHOAL_BENCH_LATE' : 'SHOAL_BENCH_MOVE',
        `the move ended as ${source.outcome}: ${source.detail}`,
        id,
        '',
      );
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
  source: HandoffStatus,
  target: HandoffStatus,
  { guest: ticks, neighbour }: { guest: Tick[]; neighbour: Tick[] },
  badPages: number,
  vmmMs: number,
): Run {
  const round = (value: number, digits = 1) => Number(value.toFixed(digits));
  const dataBytes = Math.max(target.dataBytes, target.streamBytes);
  const gb = dataBytes / 1e9;
  const from = source.at.migrate;
  const to = target.at.transferred + AFTER_MS;
  const steady = ticks.filter(t => t.atMs < from);
  const during = ticks.filter(t => t.atMs >= from - 2 * TICK_MS && t.atMs <= to);
  return {
    switchMs: round(target.at.resumed - from),
    blackoutMs: round(target.at.resumed - source.at.stopped),
    transferMs: round(target.at.transferred - target.at.resumed),
    totalMs: round(target.at.transferred - source.at.decided),
    wireBytes: target.wireBytes,
    dataBytes,
    urgentBytes: target.bytes.urgent,
    bulkBytes: target.bytes.bulk,
    packedFromBytes: target.packedFromBytes,
    packedBytes: target.packedBytes,
    faults: target.faults.count,
    faultMeanUs: target.faults.count > 0 ? round(target.faults.sumUs / target.faults.count) : 0,
    faultP50Us: target.faults.p50Us,
    faultP99Us: target.faults.p99Us,
    faultMaxUs: target.faults.maxUs,
    guestGapMs: round(longestGapMs(during)),
    guestWorkLost: round(workLostS(during, workRate(steady)), 3),
    guestPagesPerS: Math.round(workRate(steady) * 1000),
    cpuS: round((source.pagesCpuMs + target.pagesCpuMs) / 1000, 2),
    sourceCpuSPerGb: round((source.pagesCpuMs + Math.max(0, vmmMs)) / 1000 / gb, 2),
    neighbourLostSPerGb: round(lostBeside(neighbour, source.at.stopped, target.at.transferred) / gb, 2),
    badPages,
  };
}

/** Answers the one that is at work. */
async function atWork(
  lab: Lab,
  neighbours: readonly GuestPort[],
  here: string,
): Promise<GuestPort | undefined> {
  for (const [i, guest] of neighbours.entries())
    await guest.command(`load ${lab.nodes[i]?.name === here ? 100 : 0}`);
  return neighbours.find((_, i) => lab.nodes[i]?.name === here);
}
