import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RamFiles } from './ram-files.ts';

const at = (node: string, vm: string, bytes: number) => ({ node, vm, bytes });

test('nothing is left to come while no VM has memory on two nodes', () => {
  const seen = new RamFiles();
  assert.is(seen.left([]), undefined);
  assert.is(seen.left([at('node0', 'a', 70), at('node0', 'b', 50)]), undefined);
});

test('of a VM that moves what its target has not got is left, whichever node that is', () => {
  const seen = new RamFiles();
  seen.left([at('node0', 'a', 70), at('node1', 'b', 50)]);
  assert.is(seen.left([at('node0', 'a', 70), at('node1', 'a', 10), at('node1', 'b', 50)]), 60);
  assert.is(seen.left([at('node0', 'a', 70), at('node1', 'a', 72), at('node1', 'b', 50)]), 0);
  assert.is(seen.left([at('node1', 'a', 72), at('node1', 'b', 50)]), undefined);
  assert.is(
    seen.left([at('node0', 'a', 2), at('node1', 'a', 72), at('node0', 'b', 8), at('node1', 'b', 50)]),
    112,
  );
});

test.run();
