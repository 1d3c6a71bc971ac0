import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { doubt, type Known, objection } from './doubt.ts';

const known = (more: Partial<Known>): Known => ({
  name: 'web1',
  handoff: 'aaaaaaaa-1111-4111-8111-111111111111',
  role: 'source',
  engine: 'postcopy',
  state: 'committed',
  record: 'committed',
  ageMs: 12_000,
  peer: 'node1',
  peerAgeMs: 14_000,
  peerAwake: false,
  lastWord: 'ready',
  lastWordAgeMs: 15_000,
  claimedBy: [],
  unheard: [],
  elsewhere: [],
  ...more,
});
const wordsIn = (more: Partial<Known>) => doubt(known(more)).words;

test('a handoff in doubt is explained by its record, what the other side last said, and what would end it', () => {
  const { sentences, words } = doubt(known({}));
  const text = sentences.join(' ');
  assert.match(text, 'newest record here is `committed`; it stands like that for 12 s');
  assert.match(text, 'node1 last said `ready`, 15 s ago; its last report came 14 s ago: it is silent');
  assert.match(text, 'is not known here');
  assert.match(text, 'shoal resolve web1 --peer-is-off');
  assert.equal(words, ['peer-is-off']);
});

test('every state in which a side may not decide alone can be resolved by the proof that the other is off', () => {
  for (const state of [
    'committed',
    'memoryless',
    'transferring',
    'rebooted',
    'returned',
    'returned-resolved',
  ] as const)
    assert.equal(wordsIn({ state }), ['peer-is-off'], state);
  for (const state of ['ready', 'returned', 'returned-resolved'] as const)
    assert.equal(wordsIn({ role: 'target', state }), ['peer-is-off'], state);
});

test('a node that may decide alone is told to cancel, not to resolve', () => {
  for (const state of ['preparing', 'switching', 'w-committed', 'released', 'aborted'] as const) {
    const { words, sentences } = doubt(known({ state }));
    assert.equal(words, [], state);
    assert.match(String(sentences.at(-1)), 'nothing to resolve');
  }
  assert.equal(wordsIn({ role: 'target', state: 'loading' }), []);
});

test('a VM that runs without its last pages is given up from the disk, which needs no proof about its source', () => {
  const running = known({ role: 'target', state: 'running', peerAwake: true });
  const { words } = doubt(running);
  assert.equal(words, ['from-disk']);
  assert.is(objection(running, 'from-disk', words), undefined);
  assert.match(String(objection(running, 'peer-is-off', words)), 'the word for this state is --from-disk');
});

test('a word that is plainly wrong is refused: the other node is heard, or a third one has the VM', () => {
  const words = ['peer-is-off'] as const;
  assert.match(
    String(objection(known({ peerAwake: true, peerAgeMs: 900 }), 'peer-is-off', words)),
    'node1 is not off',
  );
  assert.match(
    String(objection(known({ claimedBy: ['node2'] }), 'peer-is-off', words)),
    'node2 reports the VM',
  );
  assert.match(String(objection(known({ unheard: ['node2'] }), 'peer-is-off', words)), 'node2 is silent');
  assert.match(String(objection(known({ elsewhere: ['a → b'] }), 'peer-is-off', words)), 'another handoff');
  const owner = known({ role: 'target', state: 'owner', unheard: ['node2'], elsewhere: ['a → b'] });
  assert.is(objection(owner, 'from-disk', ['from-disk']), undefined, 'it is its own');
  assert.is(objection(known({}), 'peer-is-off', words), undefined);
  assert.match(String(objection(known({}), 'peer-is-off', [])), 'nothing to resolve');
});

test('what was never heard is said so', () => {
  const text = doubt(known({ lastWordAgeMs: -1, peerAgeMs: -1 })).sentences.join(' ');
  assert.match(text, 'has said nothing of it to this life of the agent, and has sent no report');
});

test.run();
