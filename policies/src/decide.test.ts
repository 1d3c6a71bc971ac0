import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { policyFingerprint, THRESHOLD_DEFAULTS, thresholdFaults } from './config.ts';
import { decide } from './decide.ts';
import { node, view, vm } from './testing.ts';
import type { NodeView, ThresholdConfig, View } from './types.ts';

const config = THRESHOLD_DEFAULTS;
const moves = (v: View, c: ThresholdConfig = config) =>
  decide(v, c).moves.map(m => `${m.vm}:${m.from}>${m.to} ${m.reason}`);
const codes = (v: View, c: ThresholdConfig = config) => decide(v, c).refusals.map(r => r.code);

test('an overloaded node keeps its busiest VM and sends the other active one to an idle node', () => {
  const v = view(node('a', [vm('v0', 200), vm('v1', 800)]), node('b', []));
  assert.equal(moves(v), ['v0:a>b overload']);
  assert.match(
    decide(v, config).moves[0]?.sentence ?? '',
    /v0 leaves a \(100 % → 80 %\) for b \(0 % → 20 %\)/,
  );
});

test('a node at 100 % with one active VM is not overloaded: no move would help it', () => {
  assert.equal(moves(view(node('a', [vm('v0', 1000), vm('v1', 40)]), node('b', []))), []);
});

test('an inactive VM is not moved out of an overload', () => {
  const v = view(node('a', [vm('v0', 500), vm('v1', 450), vm('v2', 49)]), node('b', []));
  assert.equal(moves(v), ['v1:a>b overload']);
});

test('a node with two cores keeps its two busiest VMs', () => {
  const a = node('a', [vm('v0', 900), vm('v1', 700), vm('v2', 300)], { cores: 2, cpuPermille: 950 });
  assert.equal(moves(view(a, node('b', []))), ['v2:a>b overload']);
});

test('two nodes that fall idle together give exactly one packing move, toward the busier', () => {
  assert.equal(moves(view(node('a', [vm('v0', 200)]), node('b', [vm('v1', 20)]))), ['v1:b>a consolidate']);
  assert.equal(moves(view(node('a', [vm('v0', 100)]), node('b', [vm('v1', 100)]))), ['v1:b>a consolidate']);
});

test('one VM and any number of idle nodes: no move, ever', () => {
  for (let cpu = 0; cpu <= 1000; cpu += 50) {
    for (let n = 1; n < 6; n++) {
      const others = Array.from({ length: n }, (_, i) => node(`b${i}`, []));
      assert.equal(moves(view(node('a', [vm('v0', cpu)]), ...others)), []);
    }
  }
});

test('four nodes at 29 % are not packed to 116 %: two and two, and then nothing more', () => {
  const four = ['a', 'b', 'c', 'd'].map(id => node(id, [vm(`v${id}`, 290)]));
  const first = decide(view(...four), { ...config, maxInflow: 9 });
  assert.equal(
    first.moves.map(m => m.to),
    ['a', 'b'],
  );
  assert.ok(first.moves.every(m => m.projected.every(p => p.cpuAfter < 700)));
  assert.equal(moves(after(view(...four), first.moves)), []);
});

test('after a relocation nothing is decided for ten seconds, anywhere, and the refusal says how long', () => {
  const v = view(
    node('a', [vm('v0', 200), vm('v1', 800)]),
    node('b', []),
    node('c', [], { sinceRelocationMs: 4000 }),
  );
  assert.equal(moves(v), []);
  assert.equal(decide(v, config).refusals[0]?.numbers, { leftMs: 6000 });
  const scoped: ThresholdConfig = { ...config, cooldownScope: 'node' };
  assert.equal(moves(v, scoped), ['v0:a>b overload']);
});

test('an overload that must hold is refused until it has', () => {
  const a = node('a', [vm('v0', 200), vm('v1', 800)], { overloadedForMs: 7999 });
  assert.equal(codes(view(a, node('b', [])), { ...config, holdMs: 8000 }), ['hold']);
  assert.equal(moves(view({ ...a, overloadedForMs: 8000 }, node('b', [])), { ...config, holdMs: 8000 }), [
    'v0:a>b overload',
  ]);
});

const stays: [string, string, View][] = [
  ['a pinned VM', 'pinned', view(node('a', [vm('v0', 200, { pinnedMs: 1 }), vm('v1', 800)]), node('b', []))],
  [
    'a VM whose spec says never',
    'migration-never',
    view(node('a', [vm('v0', 200, { migration: 'never' }), vm('v1', 800)]), node('b', [])),
  ],
  [
    'a VM in a handoff',
    'moving',
    view(node('a', [vm('v0', 200, { moving: true }), vm('v1', 800)]), node('b', [])),
  ],
  [
    'a VM of a node whose window a move has touched',
    'window',
    view(node('a', [vm('v0', 200), vm('v1', 800)], { windowFull: false }), node('b', [])),
  ],
  [
    'a VM of a paused node',
    'paused',
    view(node('a', [vm('v0', 200), vm('v1', 800)], { paused: true }), node('b', [])),
  ],
  [
    'a VM that fits nowhere',
    'no-target',
    view(node('a', [vm('v0', 200), vm('v1', 800)]), node('b', [], { memoryFreeMib: 511 })),
  ],
];
for (const [what, code, v] of stays) {
  test(`${what} stays, with the reason ${code}`, () => {
    assert.equal(moves(v), []);
    assert.ok(codes(v).includes(code as never), codes(v).join());
    assert.ok(decide(v, config).refusals.every(r => r.sentence.length > 10));
  });
}

test('cordoned, silent and observing nodes, and those with an inflow, are no targets', () => {
  const a = node('a', [vm('v0', 200), vm('v1', 800)]);
  const unfit: Partial<NodeView>[] = [
    { cordoned: true },
    { state: 'stale' },
    { mode: 'observe' },
    { inflow: 1 },
  ];
  for (const more of unfit) assert.equal(moves(view(a, node('b', [], more))), [], JSON.stringify(more));
});

test('each idle node gets one VM before any gets a second', () => {
  const a = node('a', [vm('v0', 400), vm('v1', 300), vm('v2', 200), vm('v3', 100)]);
  const free: ThresholdConfig = { ...config, maxInflow: 9, maxOutflow: 9 };
  assert.equal(moves(view(a, node('b', []), node('c', [])), free), [
    'v1:a>b overload',
    'v2:a>c overload',
    'v3:a>c overload',
  ]);
});

test('a VM in backoff moves out of an overload only when nothing else helps, and never to pack', () => {
  const resting = vm('v0', 200, { backoffMs: 5000 });
  assert.equal(moves(view(node('a', [resting, vm('v1', 800)]), node('b', []))), ['v0:a>b overload']);
  const both = view(node('a', [resting, vm('v1', 600), vm('v2', 200)]), node('b', []), node('c', []));
  assert.equal(moves(both), ['v2:a>b overload']);
  assert.equal(moves(view(node('a', [vm('w', 200)]), node('b', [vm('x', 20, { backoffMs: 1 })]))), []);
});

test('without backoff a VM that came back moves as if it never had', () => {
  const off: ThresholdConfig = { ...config, backoff: 'off' };
  const resting = vm('v0', 200, { backoffMs: 5000 });
  assert.equal(moves(view(node('a', [vm('w', 200)]), node('b', [vm('x', 20, { backoffMs: 1 })])), off), [
    'x:b>a consolidate',
  ]);
  const both = view(node('a', [resting, vm('v1', 600), vm('v2', 200)]), node('b', []), node('c', []));
  assert.equal(moves(both, off)[0], 'v0:a>b overload');
});

test('a node that cannot be emptied is not packed in part: nothing would be gained', () => {
  const v = view(node('a', [vm('w', 200)]), node('b', [vm('x', 20), vm('y', 20, { pinnedMs: 9 })]));
  assert.equal(moves(v), []);
  assert.ok(codes(v).includes('no-gain'));
});

test('a stopped VM neither needs packing nor holds it up', () => {
  const v = view(node('a', [vm('w', 200)]), node('b', [vm('x', 20), vm('y', 0, { state: 'stopped' })]));
  assert.equal(moves(v), ['x:b>a consolidate']);
});

test('nodes with other parameters are not packed together, but an overload may still spread to them', () => {
  const other = { policyHash: 'q' };
  assert.equal(moves(view(node('a', [vm('v', 200)]), node('b', [vm('w', 20)], other))), []);
  assert.equal(moves(view(node('a', [vm('v0', 200), vm('v1', 800)]), node('b', [], other))), [
    'v0:a>b overload',
  ]);
});

test('a VM that may only go by pre-copy is moved by pre-copy', () => {
  const v = view(node('a', [vm('v0', 200, { migration: 'precopy' }), vm('v1', 800)]), node('b', []));
  assert.is(decide(v, config).moves[0]?.engine, 'precopy');
});

test('the numbers are the paper’s, contradictions are found, and equal policies have equal fingerprints', () => {
  assert.equal(
    [config.activeVmMilli, config.overloadPermille, config.idlePermille, config.cooldownMs, config.holdMs],
    [50, 900, 300, 10_000, 0],
  );
  assert.equal(thresholdFaults(config), []);
  assert.is(
    thresholdFaults({ ...config, idlePermille: 900, maxInflow: 0, packMarginPermille: 900 }).length,
    3,
  );
  const swapped = Object.fromEntries(Object.entries(config).reverse());
  assert.is(policyFingerprint('t', 1, config), policyFingerprint('t', 1, swapped));
  assert.is.not(policyFingerprint('t', 1, config), policyFingerprint('t', 1, { ...config, holdMs: 1 }));
});

/** The view after the moves were made and their windows are full again. */
function after(v: View, made: { vm: string; from: string; to: string }[]): View {
  const all = v.nodes.flatMap(n => n.vms);
  const home = (id: string) => made.find(m => m.vm === id)?.to;
  return {
    ...v,
    nodes: v.nodes.map(n =>
      node(
        n.node,
        all.filter(x => (home(x.vm) ?? v.nodes.find(o => o.vms.includes(x))?.node) === n.node),
        { cores: n.cores },
      ),
    ),
  };
}

test.run();
