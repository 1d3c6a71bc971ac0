import type { Engine } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chooseEngine } from './choose-engine.ts';

const vm = (migration: 'postcopy' | 'precopy' | 'qemu-postcopy', driver: 'qemu' | 'micro' = 'qemu') => ({
  migration,
  driver,
});
const wants = (engine: Engine, packingEngine: 'warm' | 'postcopy' = 'warm') => ({ engine, packingEngine });
const chosen = (of: ReturnType<typeof vm>, engine: Engine, postcopy = true) =>
  chooseEngine(of, wants(engine), 'overload', postcopy);

test('a VM moves by the engine that its node prefers, unless its spec refuses or names one', () => {
  assert.is(chosen(vm('postcopy'), 'postcopy'), 'postcopy');
  assert.is(chosen(vm('postcopy'), 'precopy'), 'precopy');
  assert.is(chosen(vm('postcopy'), 'warm'), 'warm');
  assert.is(chosen(vm('postcopy'), 'qemu-postcopy'), 'qemu-postcopy');
  assert.is(chosen(vm('precopy'), 'qemu-postcopy'), 'precopy');
  assert.is(chosen(vm('qemu-postcopy'), 'postcopy'), 'qemu-postcopy');
});

test('a node without post-copy moves by pre-copy, a VM that is not QEMU’s never by QEMU’s own post-copy', () => {
  assert.is(chosen(vm('qemu-postcopy'), 'postcopy', false), 'precopy');
  assert.is(chosen(vm('postcopy', 'micro'), 'qemu-postcopy'), 'postcopy');
  assert.is(chosen(vm('qemu-postcopy', 'micro'), 'precopy'), 'postcopy');
});

test('out of an overload a VM moves at once; to pack and to drain its memory goes ahead, unless the node says otherwise', () => {
  for (const reason of ['consolidate', 'drain'] as const) {
    assert.is(chooseEngine(vm('postcopy'), wants('postcopy'), reason, true), 'warm');
    assert.is(chooseEngine(vm('postcopy', 'micro'), wants('postcopy'), reason, true), 'warm');
    assert.is(chooseEngine(vm('postcopy'), wants('postcopy', 'postcopy'), reason, true), 'postcopy');
    assert.is(chooseEngine(vm('postcopy'), wants('precopy'), reason, true), 'precopy');
    assert.is(chooseEngine(vm('qemu-postcopy'), wants('postcopy'), reason, true), 'qemu-postcopy');
    assert.is(chooseEngine(vm('precopy'), wants('postcopy'), reason, true), 'precopy');
    assert.is(chooseEngine(vm('postcopy'), wants('postcopy'), reason, false), 'precopy');
  }
  for (const reason of ['overload', 'manual'] as const)
    assert.is(chooseEngine(vm('postcopy'), wants('postcopy'), reason, true), 'postcopy');
});

test.run();
