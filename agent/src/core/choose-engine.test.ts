import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chooseEngine } from './choose-engine.ts';

const vm = (migration: 'postcopy' | 'precopy' | 'qemu-postcopy', driver: 'qemu' | 'micro' = 'qemu') => ({
  migration,
  driver,
});

test('a VM moves by the engine that its node prefers, unless its spec refuses or names one', () => {
  assert.is(chooseEngine(vm('postcopy'), 'postcopy', true), 'postcopy');
  assert.is(chooseEngine(vm('postcopy'), 'precopy', true), 'precopy');
  assert.is(chooseEngine(vm('postcopy'), 'qemu-postcopy', true), 'qemu-postcopy');
  assert.is(chooseEngine(vm('precopy'), 'qemu-postcopy', true), 'precopy');
  assert.is(chooseEngine(vm('qemu-postcopy'), 'postcopy', true), 'qemu-postcopy');
});

test('a node without post-copy moves by pre-copy, a VM that is not QEMU’s never by QEMU’s own post-copy', () => {
  assert.is(chooseEngine(vm('qemu-postcopy'), 'postcopy', false), 'precopy');
  assert.is(chooseEngine(vm('postcopy', 'micro'), 'qemu-postcopy', true), 'postcopy');
  assert.is(chooseEngine(vm('qemu-postcopy', 'micro'), 'precopy', true), 'postcopy');
});

test.run();
