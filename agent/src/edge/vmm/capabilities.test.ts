import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bandwidthFor } from './capabilities.ts';

const UNLIMITED = Number.MAX_SAFE_INTEGER;

test('a cap holds for the stream that carries the pages, and for no other', () => {
  assert.equal(bandwidthFor('precopy', 33_554_432), { 'max-bandwidth': 33_554_432 });
  assert.equal(bandwidthFor('qemu-postcopy', 33_554_432), {
    'max-bandwidth': 10,
    'max-postcopy-bandwidth': 33_554_432,
  });
  for (const engine of ['postcopy', 'warm'] as const)
    assert.equal(bandwidthFor(engine, 33_554_432), { 'max-bandwidth': UNLIMITED });
});

test('a move without a cap takes back the one of the move before', () => {
  assert.equal(bandwidthFor('precopy', 0), { 'max-bandwidth': UNLIMITED });
  assert.equal(bandwidthFor('qemu-postcopy', 0)['max-postcopy-bandwidth'], 0);
});

test.run();
