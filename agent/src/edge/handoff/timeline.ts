/** When each stage of a handoff was reached, and how the page server did: what `/v1/handoffs/{id}` shows. */
import type { HandoffStatus } from '../http/api.types.ts';
import type { PageStats } from '../pages/types.ts';
import { figures } from './figures.ts';
import { plus } from './figures-sum.ts';
import type { JournalEntry } from './journal.ts';

export type Stage = keyof HandoffStatus['at'];

/** Of the newest rate in the steady one: figures come four times a second, one in which a link is lost or back is no rate. */
const NEWEST_SHARE = 0.25;

export class Timeline {
  readonly at: HandoffStatus['at'] = {
    decided: -1,
    offered: -1,
    accepted: -1,
    listening: -1,
    migrate: -1,
    stopped: -1,
    postmigrate: -1,
    committed: -1,
    run: -1,
    resumed: -1,
    transferred: -1,
    ended: -1,
  };
  /** Of all page servers of this handoff together, as far as this life of the agent knows. */
  stats: PageStats | undefined;
  #before: PageStats | undefined;
  /** Bytes a second while some come; 0 before the first. */
  steady = 0;
  /** When a page came or went last. */
  movedAtMs = -1;
  /** When the page servers lost their link, -1 while they have one or never had. */
  linkLostAtMs = -1;
  outcome = '';
  detail = '';

  /** The newest figures of the page server that lives now. */
  keep(now: PageStats, nowMs: number): void {
    const stats = plus(this.#before, now);
    const { urgentBytes, bulkBytes } = this.stats ?? { urgentBytes: -1, bulkBytes: -1 };
    if (stats.urgentBytes !== urgentBytes || stats.bulkBytes !== bulkBytes) this.movedAtMs = nowMs;
    const rate = now.bytesPerSecond;
    if (rate > 0) this.steady += (this.steady > 0 ? NEWEST_SHARE : 1) * (rate - this.steady);
    this.stats = stats;
  }

  /** Another page server takes the place of the one that was, and counts from nothing. */
  startedAgain(): void {
    this.#before = this.stats;
  }

  mark(stage: Stage, atMs: number): void {
    if (this.at[stage] < 0) this.at[stage] = atMs;
  }

  /** Nothing while there is no outcome yet. `why` counts for every end but the good one. */
  conclude(outcome: string | undefined, atMs: number, why: string): void {
    if (!outcome) return;
    this.outcome = outcome;
    this.mark('ended', atMs);
    if (outcome !== 'done') this.detail = why;
  }
}

/** What the target has reached with which state. */
export const TARGET_STAGES: Record<string, Stage> = {
  accepted: 'accepted',
  loading: 'listening',
  ready: 'postmigrate',
  owner: 'committed',
};

/** How it ended for the source, once it has. */
export function sourceOutcome(state: string, { outcome }: Timeline): string | undefined {
  const ends: Record<string, string> = {
    released: 'done',
    aborted: 'aborted',
    retaken: 'retaken',
    resolved: 'resolved',
    gone: outcome || 'refused',
  };
  return ends[state];
}

/** How it ended for the target, once it has: `done`, `lost` (its memory went with the source), `aborted`, … */
export function targetOutcome(state: string, lost: boolean, { outcome }: Timeline): string | undefined {
  const ends: Record<string, string> = {
    transferred: lost ? 'lost' : 'done',
    'not-run': 'aborted',
    resolved: 'resolved',
    yielded: 'yielded',
    gone: outcome || 'refused',
  };
  return ends[state];
}

const PAGE_BYTES = 4096;

/** `nameOf` turns a peer id into a node's name where it is known. */
export function handoffStatus(
  entry: Omit<JournalEntry, 'record' | 'seq'>,
  stage: string,
  inDoubt: boolean,
  timeline: Timeline,
  { self, nowMs, nameOf }: { self: string; nowMs: number; nameOf(peer: string): string },
): HandoffStatus {
  const { handoff, role, peer, offer } = entry;
  const { stats, steady, movedAtMs, linkLostAtMs, outcome } = timeline;
  return {
    handoff,
    vm: offer.spec.vm,
    name: offer.spec.name,
    source: nameOf(role === 'source' ? self : peer),
    target: nameOf(role === 'source' ? peer : self),
    role,
    engine: offer.engine,
    reason: offer.reason,
    relocation: offer.relocation,
    stage,
    inDoubt,
    outcome,
    detail: timeline.detail,
    at: { ...timeline.at },
    ...figures({
      role,
      stats,
      steady,
      pageBytes: entry.session?.pageBytes ?? PAGE_BYTES,
      linkLostMs: linkLostAtMs < 0 ? -1 : Math.round(nowMs - linkLostAtMs),
      silentMs: Math.round(nowMs - movedAtMs),
      ended: outcome !== '',
    }),
  };
}
