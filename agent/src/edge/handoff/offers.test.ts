import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeHandoff, type HandoffMessage, type Offer } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Verdict } from '../../core/judge-offer.ts';
import { until } from '../mesh/test-nodes.ts';
import { type Database, openDatabase } from '../store/store.ts';
import { createJournal } from './journal.ts';
import { log, testNode } from './test-node.ts';
import { harmless, offerOf } from './test-offers.ts';

let dir: string;
let db: Database;
test.before.each(async () => {
  dir = mkdtempSync(join(tmpdir(), 'shoal-offers-'));
  db = await openDatabase(dir);
});
test.after.each(async () => {
  await db.close();
  rmSync(dir, { recursive: true });
});

/** An offer of a VM of its own each time. */
const offer = (): Offer => offerOf(harmless(), { deadlineMs: 60_000 });

/** A node that answers every offer with a no of that code; what it logs and keeps is written down. */
function refusing() {
  const lines: { peer: string; code: string }[] = [];
  const kept: unknown[] = [];
  const node = { code: '' };
  const other = {
    judge: async (): Promise<Verdict> => ({ ok: false, code: node.code, detail: 'no', numbers: {} }),
    log: {
      ...log,
      info(fields: { peer: string; code: string }, text: string) {
        if (text === 'offer of a peer refused') lines.push(fields);
      },
    },
  };
  const past = { add: async (status: unknown) => void kept.push(status), last: async () => [] };
  const { handoffs, said } = testNode(createJournal(db), undefined, {}, undefined, past, other);
  const offers = async (peer: string, code: string, count: number) => {
    node.code = code;
    for (let i = 0; i < count; i++) {
      const before = said.length;
      handoffs.hear(peer, encodeHandoff(offer()));
      await until('it is answered', () => said.length > before);
      const answer = said.at(-1);
      assert.is(answer?.type === 'refuse' && answer.code, code);
    }
  };
  return { handoffs, offers, kept, linesOf: (code: string) => lines.filter(l => l.code === code).length };
}

test('offers of a member that a node refuses are told of in few lines, and those of another kind or peer still are', async () => {
  const { handoffs, offers, linesOf } = refusing();
  const begunMs = performance.now();
  await offers('rogue', 'spec', 100);
  await offers('rogue', 'memory', 1);
  await offers('honest', 'capacity', 1);
  await offers('rogue', 'memory', 99);
  // Twenty at once, then one a second.
  const allowed = 21 + (performance.now() - begunMs) / 1000;
  for (const code of ['spec', 'memory'])
    assert.ok(linesOf(code) >= 20 && linesOf(code) <= allowed, `${linesOf(code)} lines about ${code}`);
  assert.is(linesOf('capacity'), 1);
  await handoffs.stop();
});

test('an offer that a node refuses is not kept among the past handoffs: its source keeps it', async () => {
  const { handoffs, offers, kept } = refusing();
  await offers('rogue', 'spec', 5);
  await until('they have ended here', () => handoffs.parties.live().length === 0);
  await new Promise(setImmediate);
  assert.equal(kept, []);
  await handoffs.stop();
});

/** A node that says yes to every offer, whatever becomes of it; what it keeps of the past is written down. */
function willing() {
  const kept: unknown[] = [];
  const past = { add: async (status: unknown) => void kept.push(status), last: async () => [] };
  const node = testNode(createJournal(db), undefined, { get: () => undefined }, undefined, past, {
    judge: async (): Promise<Verdict> => ({ ok: true }),
  });
  const { handoffs, said } = node;
  const offers = async (peer: string) => {
    const made = offer();
    const answer = () => said.find(m => m.handoff === made.handoff && /^(accept|refuse)$/.test(m.type));
    handoffs.hear(peer, encodeHandoff(made));
    await until('it is answered', () => answer() !== undefined);
    return { made, answer: answer() };
  };
  const tell = (what: 'abort' | 'ended', { handoff, vm }: Offer) => {
    const head = { handoff, vm, incarnation: 1, peerIncarnation: 2, deadlineMs: 0 };
    const said = what === 'abort' ? { type: what, reason: 'changed its mind' } : { type: what };
    handoffs.hear('rogue', encodeHandoff({ ...said, ...head } as HandoffMessage));
  };
  const givesUp = async (made: Offer) => {
    tell('abort', made);
    await until('it is settled', () => handoffs.parties.settled.has(made.handoff));
  };
  return { handoffs, kept, offers, tell, givesUp };
}

test('a member that never acknowledges how its offers ended is refused before anything is written, until it does', async () => {
  const { handoffs, offers, tell, givesUp } = willing();
  const accepted: Offer[] = [];
  for (let i = 0; i < 40; i++) {
    const { made, answer } = await offers('rogue');
    if (answer?.type !== 'accept') {
      assert.is(answer?.type === 'refuse' && answer.code, 'busy');
      continue;
    }
    accepted.push(made);
    await givesUp(made);
  }
  assert.is(accepted.length, 16);
  const records = await createJournal(db).all();
  assert.equal(records.map(e => e.handoff).sort(), accepted.map(o => o.handoff).sort());
  assert.is((await offers('honest')).answer?.type, 'accept', 'others pay nothing for it');
  const [first] = accepted as [Offer];
  tell('ended', first);
  await until('it is forgotten', () => handoffs.parties.get(first.handoff)?.ended !== false);
  assert.is((await offers('rogue')).answer?.type, 'accept', 'there is room for one again');
  await handoffs.stop();
});

test('a member that gives up whatever it was accepted for is soon refused, though it acknowledges each end', async () => {
  const { handoffs, kept, offers, tell, givesUp } = willing();
  const begunMs = performance.now();
  let accepted = 0;
  for (let i = 0; i < 100; i++) {
    const { made, answer } = await offers('rogue');
    if (answer?.type !== 'accept') {
      assert.match(
        (answer?.type === 'refuse' && answer.detail) || '',
        /^too many accepted offers of this peer/,
      );
      continue;
    }
    accepted += 1;
    await givesUp(made);
    tell('ended', made);
  }
  // Thirty-two at once, then one in ten seconds.
  const allowed = 33 + (performance.now() - begunMs) / 10_000;
  assert.ok(accepted >= 32 && accepted <= allowed, `${accepted} were accepted`);
  assert.is(kept.length, accepted);
  assert.is((await offers('honest')).answer?.type, 'accept', 'others pay nothing for it');
  await handoffs.stop();
});

test.run();
