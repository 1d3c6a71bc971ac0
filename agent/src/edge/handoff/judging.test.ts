import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Verdict } from '../../core/judge-offer.ts';
import { Judging } from './judging.ts';

const yes = async (): Promise<Verdict> => ({ ok: true });
const never = () => false;
const codeOf = (verdict: Verdict | undefined) => (verdict && !verdict.ok ? verdict.code : 'ok');

test('a peer that offers without end is refused at once, and another one’s offers are still judged', async () => {
  const judging = new Judging();
  const said: string[] = [];
  for (let i = 0; i < 1000; i++)
    if (!judging.full('rogue')) judging.add('rogue', never, yes, () => said.push('rogue'));
  assert.is(codeOf(judging.full('rogue')), 'busy');
  assert.is(judging.full('honest'), undefined);
  await new Promise<void>(resolve => judging.add('honest', never, yes, () => resolve()));
  assert.equal(said, ['rogue', 'rogue', 'rogue', 'rogue']);
  assert.is(judging.full('rogue'), undefined, 'there is room again');
});

test('not even many peers together make a node hold offers without end', () => {
  const judging = new Judging();
  let held = 0;
  for (let i = 0; i < 1000; i++)
    if (!judging.full(`peer${i}`)) {
      judging.add(`peer${i}`, never, yes, () => undefined);
      held += 1;
    }
  assert.is(held, 32);
});

test('an offer whose source waits no more is not judged, and a verdict that fails is a refusal', async () => {
  const judging = new Judging();
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

test.run();
