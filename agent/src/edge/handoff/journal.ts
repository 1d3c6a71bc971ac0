/**
 * The handoff journal: per handoff the newest record of this node's side, synced and read back. A write that failed
 * is not "not written": whoever asked for it stays where it is and asks again (handoff.md, Records).
 */
import { isDeepStrictEqual } from 'node:util';
import type { Offer } from '@shoal/protocol';
import type { SessionFile } from '../pages/types.ts';
import { type Database, Shelf } from '../store/store.ts';

export type JournalEntry = {
  handoff: string;
  role: 'source' | 'target';
  /** One higher with each write; the newest wins. */
  seq: number;
  record: string;
  peer: string;
  offer: Offer;
  /** Boot of the node in which it was written. */
  bootId: string;
  /** All that a page server needs to start again; absent until it was first started. */
  session: SessionFile | undefined;
  /**
   * True once this side has done all that the handoff asked of it. From then on it is only talked about, until the peer
   * has acknowledged its end: a newer handoff of the same VM may have begun.
   */
  settled?: true;
  /**
   * Kept from a settled entry that a reboot has taken up again: its VM came here long ago and may have left since. It
   * does not come by this handoff a second time, whatever this and later lives of the agent write.
   */
  gained?: true;
};

export interface Journal {
  /** Resolves when the entry is on the disk and was read back as written. */
  write(entry: JournalEntry): Promise<void>;
  all(): Promise<JournalEntry[]>;
  forget(handoff: string): Promise<void>;
}

export function createJournal(db: Database): Journal {
  const shelf = new Shelf<JournalEntry>(db, 'handoff');
  return {
    async write(entry) {
      // What JSON drops (undefined) must not look like a difference.
      const plain = JSON.parse(JSON.stringify(entry)) as JournalEntry;
      await shelf.putSynced(entry.handoff, plain);
      const found = await shelf.get(entry.handoff);
      if (!isDeepStrictEqual(found, plain))
        throw new Error(`journal: ${entry.handoff} reads back differently`);
    },
    all: async () => (await shelf.all()).map(([, entry]) => entry),
    forget: handoff => shelf.delete(handoff),
  };
}
