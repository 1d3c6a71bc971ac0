import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { THRESHOLD_DEFAULTS } from './config.ts';
import { decide } from './decide.ts';
import { node, view, vm } from './testing.ts';
import type { NodeView, RefusalCode, View, VmView } from './types.ts';

const config = { ...THRESHOLD_DEFAULTS, holdMs: 0 };
const hot = (low: Partial<VmView> = {}, more: Partial<NodeView> = {}) =>
  node('node1', [vm('vm3', 360, low), vm('vm1', 610)], { cpuPermille: 970, ...more });
const cold = (more: Partial<NodeView> = {}) => node('node2', [vm('vm2', 40)], more);

test('a move out of an overload says who leaves whom for whom, before and after, and why', () => {
  assert.is(
    decide(view(hot(), cold()), config).moves[0]?.sentence,
    'vm3 leaves node1 (97 % → 61 %) for node2 (4 % → 40 %): 2 active VMs share 1 core',
  );
});

test('a packing move says that both are idle and what is gained', () => {
  assert.is(
    decide(view(node('node1', [vm('vm1', 200)]), cold()), config).moves[0]?.sentence,
    'vm2 leaves node2 (4 % → 0 %) for node1 (20 % → 24 %): both are idle, and node2 can be emptied',
  );
});

const refusals: [RefusalCode, View, string, Record<string, number>][] = [
  [
    'cooldown',
    view(hot({}, { sinceRelocationMs: 4000 }), cold()),
    'a relocation began 4 s ago: nothing is decided for another 6 s',
    { leftMs: 6000 },
  ],
  [
    'stale',
    view(hot({}, { state: 'stale', ageMs: 3400 }), cold()),
    'node1 has been silent for 3.4 s',
    { ageMs: 3400 },
  ],
  ['paused', view(hot({}, { paused: true }), cold()), 'node1 is paused', {}],
  [
    'window',
    view(hot({}, { windowFull: false }), cold()),
    'node1 has no whole window yet that no move has touched',
    {},
  ],
  ['not-running', view(hot({ state: 'degraded' }), cold()), 'vm3 is degraded', {}],
  ['moving', view(hot({ moving: true }), cold()), 'vm3 is in a handoff', {}],
  [
    'migration-never',
    view(hot({ migration: 'never' }), cold()),
    'vm3 may not be moved (migration: never)',
    {},
  ],
  ['pinned', view(hot({ pinnedMs: 61_500 }), cold()), 'vm3 is pinned for another 61.5 s', { leftMs: 61_500 }],
  [
    'claimed',
    view(hot(), cold(), node('node3', [vm('vm3', 0)])),
    'vm3 is claimed by node1 and node3: it stays until one of them gives it up',
    {},
  ],
];
for (const [code, v, sentence, numbers] of refusals) {
  test(`a refusal for ${code} reads: ${sentence}`, () => {
    const found = decide(v, config).refusals.find(r => r.code === code);
    assert.equal([found?.sentence, found?.numbers], [sentence, numbers]);
  });
}

test('a refusal for hold says how long the overload has lasted and must last', () => {
  const v = view(hot({}, { overloadedForMs: 7999 }), cold());
  const found = decide(v, { ...config, holdMs: 8000 }).refusals[0];
  assert.is(found?.sentence, 'node1 has been overloaded for 7.9 s of the 8 s that it must last');
  assert.equal(found?.numbers, { forMs: 7999, holdMs: 8000 });
});

test('a refusal for backoff says how long the VM rests yet', () => {
  const v = view(node('node1', [vm('vm1', 200)]), node('node2', [vm('vm2', 40, { backoffMs: 20_000 })]));
  const [rests, noGain] = decide(v, config).refusals;
  assert.is(rests?.sentence, 'vm2 came back to a node that it had left: it rests for another 20 s');
  assert.is(noGain?.sentence, 'node2 cannot be emptied: its only VM must stay');
});

test('a resting node says so where only those that took part rest', () => {
  const scoped = { ...config, cooldownScope: 'node' as const };
  const found = decide(view(hot({}, { sinceRelocationMs: 500 }), cold()), scoped).refusals[0];
  assert.is(found?.sentence, 'node1 rests after a relocation for another 9.5 s');
});

test('a node with other parameters is named as that', () => {
  const v = view(node('node1', [vm('vm1', 200)]), cold({ policyHash: 'q' }));
  assert.is(decide(v, config).refusals[0]?.sentence, 'node2 runs another policy or other parameters');
});

test.run();
