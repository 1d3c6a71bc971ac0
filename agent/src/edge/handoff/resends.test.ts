import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Clock } from '../clock.ts';
import { type Database, openDatabase } from '../store/store.ts';
import { createJournal, type Journal, type JournalEntry } from './journal.ts';
import { entry, H1, testNode } from './test-node.ts';

let dir: string;
let db: Database;
let journal: Journal;
test.before.each(async () => {
  dir = mkdtempSync(join(tmpdir(), 'shoal-resends-'));
  db = await openDatabase(dir);
  journal = createJournal(db);
});
test.after.each(async () => {
  await db.close();
  rmSync(dir, { recursive: true });
});

/** Time that passes when `pass` is called. */
function handClock() {
  let nowMs = 0;
  const timers = new Set<{ atMs: number; run: () => void }>();
  const clock: Clock = {
    nowMs: () => nowMs,
    wallMs: () => nowMs,
    after(ms, run) {
      const timer = { atMs: nowMs + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  };
  const pass = async (ms: number) => {
    for (const untilMs = nowMs + ms; nowMs < untilMs; nowMs += 50) {
      for (const timer of [...timers]) {
        if (timer.atMs > nowMs || !timers.delete(timer)) continue;
        timer.run();
        await new Promise(setImmediate);
      }
    }
  };
  return { clock, pass };
}

/** How often a node says where that handoff stands, to a peer that never answers: in its first and in its last ten minutes. */
async function sentBy(kept: JournalEntry): Promise<{ first: number; later: number }> {
  await journal.write(kept);
  const { clock, pass } = handClock();
  const { handoffs, said } = testNode(
    journal,
    { epoch: 1, runState: 'postmigrate' },
    {},
    undefined,
    undefined,
    { clock },
  );
  await handoffs.recover();
  const times: number[] = [];
  const perWord = () => said.filter(m => m.type === said.at(-1)?.type).length;
  for (const _ of [0, 1]) {
    await pass(600_000);
    times.push(perWord());
  }
  await handoffs.stop();
  const [first = 0, both = 0] = times;
  return { first, later: both - first };
}

test('the end of a handoff that its peer never acknowledges is told less and less often, down to once a minute', async () => {
  const { first, later } = await sentBy({ ...entry(H1, 'target', 'not-run', 2), settled: true });
  assert.ok(first >= 20 && first <= 60, `${first} in ten minutes`);
  assert.ok(later >= 9 && later <= 11, `${later} in the ten minutes after`);
});

test('a handoff in doubt is asked about every five seconds for as long as it takes', async () => {
  const { later } = await sentBy(entry(H1, 'source', 'committed', 2));
  assert.ok(later >= 110 && later <= 121, `${later} in ten minutes`);
});

test.run();
