import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ENDS_AGENT } from '../faults/agent-ends.ts';
import { KINDS } from '../faults/kinds.ts';
import { type AgentEnd, type Excuse, explained, ownEnds } from './agents.ts';

const end = (started: boolean): AgentEnd => ({
  node: 'node1',
  fromNs: 100,
  toNs: 200,
  started,
  lastLines: ['TypeError: x is not a function'],
});

const excuse = (kind: keyof typeof ENDS_AGENT, part: Partial<Excuse> = {}): Excuse => ({
  kind,
  ends: ENDS_AGENT[kind],
  node: 'node1',
  fromNs: 150,
  toNs: Number.POSITIVE_INFINITY,
  ...part,
});

test('an agent that ended without any fault is seen, with the last that it said', () => {
  const [found, ...more] = ownEnds([end(true)], []);
  assert.is(more.length, 0);
  assert.match(found?.what ?? '', 'the agent of node1 ended by itself at work');
  assert.match(found?.what ?? '', 'x is not a function');
  assert.match(ownEnds([end(false)], [])[0]?.what ?? '', 'while it started');
});

test('an agent at work that ended under a fault is seen, whatever fault it was, but for its own kill', () => {
  for (const kind of KINDS) {
    const seen = ownEnds([end(true)], [excuse(kind)]).length === 1;
    assert.is(seen, !kind.startsWith('agent-kill'), kind);
  }
});

test('a full database explains an agent that did not start, and nothing else that is no kill does', () => {
  assert.equal(
    KINDS.filter(kind => explained(end(false), [excuse(kind)]) !== undefined),
    ['agent-kill-source', 'agent-kill-target', 'journal-full'],
  );
});

test('a fault on another node, one that was over before the start, and one that came later explain nothing', () => {
  const full = (part: Partial<Excuse>) => explained(end(false), [excuse('journal-full', part)]);
  assert.is(full({ fromNs: 0, toNs: 101 }), 'journal-full', 'it was there when the agent started');
  assert.is(full({ node: 'node2' }), undefined);
  assert.is(full({ fromNs: 0, toNs: 100 }), undefined);
  assert.is(full({ fromNs: 200 }), undefined);
});

test.run();
