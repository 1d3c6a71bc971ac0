import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseNotes } from './ledger.ts';
import { lostLives } from './lives.ts';
import { type Break, broken, type Stream, unloaded } from './streams.ts';

const stream: Stream = { handoff: 'h', vm: 'vm', nodes: ['node0', 'node1'], fromNs: 100, toNs: 300 };
const kill: Break = { vm: 'vm', nodes: ['node0', 'node1'], fromNs: 200, toNs: 200 };
const cut: Break = { vm: '', nodes: ['node1', 'node0'], fromNs: 50, toNs: 150 };
const AFTER_NS = 400;
const isBroken = (by: Partial<Break>, from: Break) => broken([stream], [{ ...from, ...by }]).length === 1;

test('a stream is broken by a kill of its own handoff, and by any cut between its nodes, while it is there', () => {
  assert.ok(isBroken({}, kill));
  assert.not(isBroken({ vm: 'other' }, kill));
  assert.ok(isBroken({}, cut));
  assert.not(isBroken({ nodes: ['node0', 'node2'] }, cut));
  assert.not(isBroken({ toNs: 99 }, cut), 'it was over before');
  assert.not(isBroken({ fromNs: 301, toNs: 400 }, kill), 'it came after its end');
});

test('a node without memory breaks the streams away from it, and none that comes to it', () => {
  const full: Break = { vm: '', nodes: ['node0'], fromNs: 50, toNs: 150 };
  assert.ok(isBroken({}, full));
  assert.not(isBroken({ nodes: ['node1'] }, full), 'its target waits for room');
  assert.not(isBroken({ toNs: 99 }, full));
});

test('a node without memory ends the QEMUs that load there: such a guest may boot anew at its source, and nowhere else', () => {
  const full: Break = { vm: '', nodes: ['node1'], fromNs: 50, toNs: 150, loads: true };
  assert.equal([broken([stream], [full]).length, unloaded([stream], [full]).length], [0, 1]);
  assert.is(unloaded([stream], [{ ...full, nodes: ['node0'] }]).length, 0, 'nobody loads at a source');
  const [at, away] = ['n0', 'n1'].map(node =>
    parseNotes(
      'vm',
      ['n0 1 a go 50', 'n0 1 a stand 110', `${node} 3 b go ${AFTER_NS}`]
        .map(line => line.replace(/ ([ab]) (\w+) /, ' 000000000000000$1 $2 0 0 '))
        .join('\n'),
    ),
  );
  assert.equal(lostLives(at ?? [], [], [], unloaded([stream], [full])), []);
  assert.is(lostLives(at ?? [], [], [], []).length, 1);
  assert.is(lostLives(away ?? [], [], [], unloaded([stream], [full])).length, 1);
});

/** It ran on n0, then on n1 without all its pages, and boots anew there. */
const lives = parseNotes(
  'vm',
  ['n0 1 a go 50', 'n0 1 a stand 110', 'n1 2 a go 170', 'n1 2 a beat 230', `n1 3 b go ${AFTER_NS}`]
    .map(line => line.replace(/ ([ab]) (\w+) /, ' 000000000000000$1 $2 0 0 '))
    .join('\n'),
);

test('a VM that boots anew is lost, unless the one stream of its memory was broken before', () => {
  assert.is(lostLives(lives, [], broken([stream], [])).length, 1);
  assert.equal(lostLives(lives, [], broken([stream], [kill])), []);
  assert.equal(lostLives(lives, [], broken([stream], [cut])), []);
  const late = { ...kill, fromNs: AFTER_NS + 1, toNs: AFTER_NS + 1 };
  const open = { ...stream, toNs: Number.POSITIVE_INFINITY };
  assert.is(lostLives(lives, [], broken([open], [late])).length, 1, 'broken after it had booted');
  assert.is(lostLives(lives, [], broken([{ ...stream, vm: 'other' }], [cut])).length, 1, "another VM's");
});

test.run();
