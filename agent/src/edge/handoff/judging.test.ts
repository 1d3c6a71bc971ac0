import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Verdict } from '../../core/judge-offer.ts';
import { clock } from '../clock.ts';
import { Judging } from './judging.ts';

const yes = async (): Promise<Verdict> => ({ ok: true });
const never = () => false;
const unexpected = (fields: object) => {
  throw new Error(JSON.stringify(fields));
};
const codeOf = (verdict: Verdict | undefined) => (verdict && !verdict.ok ? verdict.code : 'ok');

test('a peer that offers without end is refused at once, and another one’s offers are still judged', async () => {
  const judging = new Judging({ clock, log: { error: unexpected } });
  const said: string[] = [];
  for (let i = 0; i < 1000; i++)
    if (!judging.full('rogue', 0)) judging.add('rogue', never, yes, () => said.push('rogue'));
  assert.is(codeOf(judging.full('rogue', 0)), 'busy');
  assert.is(judging.full('honest', 0), undefined);
  await new Promise<void>(resolve => judging.add('honest', never, yes, () => resolve()));
  assert.equal(said, ['rogue'], 'one was before it');
  assert.is(judging.full('rogue', 0), undefined, 'there is room again');
});

test('not even many peers together make a node hold offers without end', () => {
  const judging = new Judging({ clock, log: { error: unexpected } });
  let held = 0;
  for (let i = 0; i < 1000; i++)
    if (!judging.full(`peer${i}`, 0)) {
      judging.add(`peer${i}`, never, yes, () => undefined);
      held += 1;
    }
  assert.is(held, 32);
});

test('an offer whose source waits no more is not judged, and a verdict that fails is a refusal', async () => {
  const judging = new Judging({ clock, log: { error: unexpected } });
  let judged = 0;
  const judge = async (): Promise<Verdict> => {
    judged += 1;
    throw new Error('the disk is gone');
  };
  const verdicts: Verdict[] = [];
  judging.add(
    'peer',
    () => true,
    judge,
    verdict => verdicts.push(verdict),
  );
  await new Promise<void>(resolve =>
    judging.add('peer', never, judge, verdict => {
      verdicts.push(verdict);
      resolve();
    }),
  );
  assert.equal(verdicts.map(codeOf), ['late', 'fault']);
  assert.is(judged, 1);
});

/** Adds an offer whose verdict comes when it is let go; answers how to let it go. */
function held(judging: Judging, peer: string, said: string[]): () => void {
  let go = () => {};
  const judge = () => new Promise<Verdict>(resolve => (go = () => resolve({ ok: true })));
  judging.add(peer, never, judge, () => said.push(peer));
  return () => go();
}

test('peers take turns: whose offers are slow to judge holds up another peer by one of them, not by all', async () => {
  const judging = new Judging({ clock, log: { error: unexpected } });
  const said: string[] = [];
  const slow = [1, 2, 3, 4].map(() => held(judging, 'slow', said));
  await Promise.resolve();
  for (const peer of ['a', 'b', 'a']) judging.add(peer, never, yes, () => said.push(peer));
  slow[0]?.();
  await until(() => said.length === 3);
  assert.equal(said, ['slow', 'a', 'b']);
  slow[1]?.();
  await until(() => said.length === 5);
  assert.equal(said, ['slow', 'a', 'b', 'slow', 'a']);
  for (const go of slow) {
    go();
    await new Promise(setImmediate);
  }
  assert.equal(said.slice(5), ['slow', 'slow'], 'and nobody is forgotten');
  assert.is(judging.full('slow', 0), undefined);
});

test('a verdict that cannot be carried out is told of, and the next offers are judged', async () => {
  const failed: string[] = [];
  const judging = new Judging({
    clock,
    log: { error: (fields: object) => void failed.push(JSON.stringify(fields)) },
  });
  const said: string[] = [];
  judging.add('peer', never, yes, () => {
    throw new Error('no such party');
  });
  for (const peer of ['peer', 'other']) judging.add(peer, never, yes, () => said.push(peer));
  await until(() => said.length === 2);
  assert.equal(failed, ['{"error":"Error: no such party"}']);
  judging.add('later', never, yes, () => said.push('later'));
  await until(() => said.includes('later'));
  assert.is(judging.full('peer', 0), undefined);
});

test('a peer whose accepted offers come to nothing over and over is refused for a while, and no other is', () => {
  let nowMs = 0;
  const judging = new Judging({ clock: { nowMs: () => nowMs }, log: { error: unexpected } });
  const target = { role: 'target' } as const;
  for (let i = 0; i < 1000; i++) {
    judging.over('honest', { ...target, outcome: 'done' });
    judging.over('honest', { ...target, outcome: 'refused' });
    judging.over('honest', { role: 'source', outcome: 'aborted' });
  }
  assert.is(judging.full('honest', 0), undefined);
  let given = 0;
  const giveUpUntilRefused = () => {
    for (; !judging.full('rogue', 0) && given < 1000; given++)
      judging.over('rogue', { ...target, outcome: 'aborted' });
  };
  giveUpUntilRefused();
  assert.is(given, 32);
  assert.is(judging.full('rogue', 0)?.code, 'busy');
  assert.match(judging.full('rogue', 0)?.detail ?? '', /offer again in 10 s$/);
  assert.is(judging.full('honest', 0), undefined, 'another one pays nothing for it');
  nowMs += 60_000;
  giveUpUntilRefused();
  assert.is(given, 32 + 6, 'one in ten seconds after that');
});

async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; turns < 100 && !holds(); turns++) await new Promise(setImmediate);
  assert.ok(holds());
}

test.run();
