/** What an earlier life of this agent left on the disk: identity, incarnation, history, records. */
import { mkdirSync } from 'node:fs';
import type { Config } from './config/config.ts';
import { type Clock, clock as realClock } from './edge/clock.ts';
import { History, type HistoryRow } from './edge/history.ts';
import type { DecisionRecord, HandoffStatus } from './edge/http/api.types.ts';
import { nodeId } from './edge/mesh/identity.ts';
import { Recordings } from './edge/pages/recordings.ts';
import { Marks } from './edge/store/marks.ts';
import { Records } from './edge/store/records.ts';
import { type Database, nextIncarnation, openDatabase } from './edge/store/store.ts';

const HOUR_MS = 3_600_000;

export type State = {
  /** Peer id of this node. */
  self: string;
  db: Database;
  incarnation: number;
  history: History;
  decisions: Records<DecisionRecord>;
  /** Ended handoffs. */
  ended: Records<HandoffStatus>;
  /** Up to where reports of peers were heard. */
  marks: Marks;
  /** Of moves to this node, for the moves from it. */
  recordings: Recordings;
};

export async function openState({ node, history }: Config): Promise<State> {
  mkdirSync(node.stateDir, { recursive: true, mode: 0o711 });
  const self = await nodeId(node.stateDir);
  const db = await openDatabase(node.stateDir);
  return readState(self, db, history.retentionHours * HOUR_MS, realClock);
}

/** The state that this database holds; a new life of the agent begins, and its incarnation is on the disk. */
export async function readState(
  self: string,
  db: Database,
  retentionMs: number,
  clock: Clock,
): Promise<State> {
  const kept = <T>(shelf: string) => new Records<T>(db, shelf, retentionMs, clock);
  const recordings = await Recordings.read(db);
  return {
    self,
    db,
    incarnation: await nextIncarnation(db),
    history: new History(kept<HistoryRow>('history')),
    decisions: kept<DecisionRecord>('decision'),
    ended: kept<HandoffStatus>('ended'),
    marks: new Marks(db),
    recordings,
  };
}
