import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Verdict } from '../../core/judge-offer.ts';
import { Judging } from './judging.ts';

const yes = async (): Promise<Verdict> => ({ ok: true });
const never = () => false;
const unexpected = (error: unknown) => {
  throw error;
};
const codeOf = (verdict: Verdict | undefined) => (verdict && !verdict.ok ? verdict.code : 'ok');

test('a peer that offers without end is refused at once, and another one’s offers are still judged', async () => {
  const judging = new Judging(unexpected);
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
  const judging = new Judging(unexpected);
  let held = 0;
  for (let i = 0; i < 1000; i++)
    if (!judging.full(`peer${i}`, 0)) {
      judging.add(`peer${i}`, never, yes, () => undefined);
      held += 1;
    }
  assert.is(held, 32);
});

test('an offer whose source waits no more is not judged, and a verdict that fails is a refusal', async () => {
  const judging = new Judging(unexpected);
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
  const judging = new Judging(unexpected);
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
  const judging = new Judging(error => failed.push(String(error)));
  const said: string[] = [];
  judging.add('peer', never, yes, () => {
    throw new Error('no such party');
  });
  for (const peer of ['peer', 'other']) judging.add(peer, never, yes, () => said.push(peer));
  await until(() => said.length === 2);
  assert.equal(failed, ['Error: no such party']);
  judging.add('later', never, yes, () => said.push('later'));
  await until(() => said.includes('later'));
  assert.is(judging.full('peer', 0), undefined);
});

async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; turns < 100 && !holds(); turns++) await new Promise(setImmediate);
  assert.ok(holds());
}

test.run();
