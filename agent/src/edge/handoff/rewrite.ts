/** A starting agent's first word to its journal: what was visible may not have been durable (handoff.md, Records). */
import { type Clock, sleep } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Journal, JournalEntry } from './journal.ts';

const AGAIN_MS = 1000;

/** Writes the entry again until that is synced and read back, for as long as it takes. */
export async function rewrite(
  journal: Journal,
  entry: JournalEntry,
  { clock, log }: { clock: Clock; log: Logger },
): Promise<void> {
  for (;;) {
    try {
      await journal.write(entry);
      return;
    } catch (error) {
      log.error(
        { handoff: entry.handoff, error: String(error) },
        'handoff record not written again; waiting',
      );
      await sleep(clock, AGAIN_MS);
    }
  }
}
