import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { THRESHOLD_DEFAULTS } from './config.ts';
import { decide } from './decide.ts';
import { judge } from './judge.ts';
import { node, view, vm } from './testing.ts';
import type { Move, NodeView, View } from './types.ts';

const config = THRESHOLD_DEFAULTS;
const RUNS = 4000;

/** mulberry32: the same seed gives the same cluster on any machine. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

function anyView(seed: number, plain = false): View {
  const below = seeded(seed);
  const rare = (n: number) => !plain && below(n) === 0;
  let ids = 0;
  const nodes = Array.from({ length: 1 + below(6) }, (_, i): NodeView => {
    const vms = Array.from({ length: below(5) }, () =>
      vm(`v${String(ids++).padStart(2, '0')}`, below(12) * (below(2) ? 20 : 90), {
        memoryMib: 256 * (1 + below(4)),
        pinnedMs: rare(9) ? 1000 : 0,
        backoffMs: rare(9) ? 1000 : 0,
        migration: rare(9) ? 'never' : 'postcopy',
        state: rare(12) ? 'stopped' : 'running',
      }),
    );
    const made = node(`n${i}`, vms, { cores: 1 + below(2) });
    return {
      ...made,
      memoryFreeMib: Math.max(0, made.memoryFreeMib - (plain ? 0 : below(3000))),
      state: rare(10) ? 'stale' : 'awake',
      windowFull: !rare(10),
      cordoned: rare(10),
      mode: rare(10) ? 'advise' : 'auto',
      policyHash: rare(10) ? 'q' : 'p',
      inflow: rare(8) ? 1 : 0,
    };
  });
  return view(...nodes);
}

test('no plan breaks a constraint, as judged by other code, over thousands of clusters', () => {
  let moved = 0;
  for (let seed = 0; seed < RUNS; seed++) {
    const v = anyView(seed);
    const { moves } = decide(v, config);
    moved += moves.length;
    assert.equal(judge(v, config, moves), [], `seed ${seed}`);
  }
  assert.ok(moved > RUNS / 10, `only ${moved} moves: the clusters are too tame`);
});

test('every node works out the same list, in whatever order it heard of the others', () => {
  for (let seed = 0; seed < RUNS; seed++) {
    const v = anyView(seed);
    const shuffled = { ...v, nodes: [...v.nodes].reverse().map(n => ({ ...n, vms: [...n.vms].reverse() })) };
    assert.equal(decide(shuffled, config), decide(v, config), `seed ${seed}`);
  }
});

test('a cluster whose loads stand still comes to rest, and every VM is still there', () => {
  for (let seed = 0; seed < RUNS; seed++) {
    let v = anyView(seed, true);
    const vms = ids(v);
    let rounds = 0;
    for (; rounds < 60; rounds++) {
      const { moves } = decide(v, config);
      if (moves.length === 0) break;
      v = carryOut(v, moves);
    }
    assert.ok(rounds < 60, `seed ${seed} never rests`);
    assert.equal(ids(v), vms, `seed ${seed}`);
  }
});

const ids = (v: View): string[] => v.nodes.flatMap(n => n.vms.map(x => x.vm)).sort();

function carryOut(v: View, moves: Move[]): View {
  const nodes = v.nodes.map(n => ({ ...n, vms: [...n.vms] }));
  const at = (id: string) => nodes.find(n => n.node === id) as NodeView;
  for (const move of moves) {
    const [from, to] = [at(move.from), at(move.to)];
    const moving = from.vms.find(x => x.vm === move.vm);
    assert.ok(moving, 'a VM that moves exists where it is said to be');
    from.vms = from.vms.filter(x => x !== moving);
    to.vms.push(moving);
    from.memoryFreeMib += moving.memoryMib;
    to.memoryFreeMib -= moving.memoryMib;
    assert.ok(to.memoryFreeMib >= 0, 'memory is never overcommitted');
  }
  for (const n of nodes) {
    n.cpuPermille = Math.min(1000, Math.round(n.vms.reduce((sum, x) => sum + x.cpuMilli, 0) / n.cores));
  }
  return { ...v, nodes };
}

test.run();
