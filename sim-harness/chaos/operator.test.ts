import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Break, Stream } from './checks/streams.ts';
import { type OwnStatus, refusalKey, waiting } from './operator.ts';

const stream: Stream = { handoff: 'h', vm: 'vm', nodes: ['node0', 'node1'], fromNs: 100, toNs: Infinity };
const kill: Break = { vm: 'vm', nodes: ['node0', 'node1'], fromNs: 200, toNs: 200 };

/** What `node` says: its own VM in `state`, another's that runs, and its handoffs `h` as `outcome`. */
const says = (node: string, state: string, outcome = ''): OwnStatus => ({
  node,
  vms: [
    { name: 'vm', node, state },
    { name: 'other', node: 'node9', state: 'degraded' },
  ],
  handoffs: [{ handoff: 'h', outcome }],
});

test('a VM that is degraded at the target of a stream that was broken is helped', () => {
  assert.equal(waiting([says('node0', 'running'), says('node1', 'degraded')], [stream], [kill]), [
    { vm: 'vm', node: 'node1', state: 'degraded', handoff: 'h', help: true },
  ]);
});

test('a VM that is degraded without a break is not helped, but named', () => {
  const named = [{ vm: 'vm', node: 'node1', state: 'degraded', handoff: '', help: false }];
  const degraded = [says('node1', 'degraded')];
  assert.equal(waiting(degraded, [], []), named, 'no stream at all');
  assert.equal(waiting(degraded, [stream], []), named, 'nobody broke it');
  assert.equal(
    waiting(degraded, [stream], [{ ...kill, fromNs: 50, toNs: 60 }]),
    named,
    'broken before it began',
  );
  assert.equal(
    waiting(degraded, [{ ...stream, vm: 'other' }], [{ ...kill, vm: 'other' }]),
    named,
    "another VM's",
  );
  assert.equal(waiting([says('node1', 'degraded', 'done')], [stream], [kill]), named, 'that handoff is over');
  assert.equal(
    waiting([says('node2', 'degraded')], [stream], [kill])[0]?.help,
    false,
    'it has gone elsewhere',
  );
});

test('a VM that is in doubt or stands still there is helped as well: its guest may never have run', () => {
  for (const state of ['in-doubt', 'paused']) {
    assert.equal(waiting([says('node1', state)], [stream], [kill]), [
      { vm: 'vm', node: 'node1', state, handoff: 'h', help: true },
    ]);
    assert.is(waiting([says('node1', state)], [stream], [])[0]?.help, false, 'nobody broke its stream');
  }
});

test('a source of a broken stream is named with it and not helped: it waits for no pages', () => {
  for (const state of ['degraded', 'in-doubt', 'paused'])
    assert.equal(waiting([says('node0', state)], [stream], [kill]), [
      { vm: 'vm', node: 'node0', state, handoff: 'h', help: false },
    ]);
  assert.equal(waiting([says('node2', 'in-doubt')], [stream], [kill])[0]?.handoff, '');
});

test('VMs that run, wait for their start or are of other nodes are nothing for an operator', () => {
  for (const state of ['running', 'crashed', 'lost'])
    assert.equal(waiting([says('node1', state)], [stream], [kill]), []);
});

test('a refusal that differs by its figures only is the same refusal, of another VM another one', () => {
  const why = (age: number) => `SHOAL_RESOLVE_REFUSED: its last report came ${age} s ago`;
  assert.is(refusalKey('vm', why(3)), refusalKey('vm', why(12)));
  assert.is.not(refusalKey('vm', why(3)), refusalKey('vm', 'SHOAL_VM_SETTLED: no handoff'));
  assert.is.not(refusalKey('vm1', why(3)), refusalKey('vm2', why(3)));
});

test.run();
