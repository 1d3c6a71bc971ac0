import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { THRESHOLD_DEFAULTS } from './config.ts';
import { decide } from './decide.ts';
import { node, view, vm } from './testing.ts';

/**
 * The paper's experiment 5.1 as a fluid: VM0 wants 20 %, VM1 wants 0, 50, 100, 50, 0 %, a core is shared fairly, figures
 * are means over ten seconds, a node takes no part until its window is free of a move.
 */
function staircase(stepS: number) {
  const wants = (t: number): [number, number] => [
    200,
    [0, 500, 1000, 500, 0][Math.min(4, Math.floor(t / stepS))] ?? 0,
  ];
  const home = { v0: 'a', v1: 'a' } as Record<string, string>;
  const past: { a: number; b: number; v0: number; v1: number }[] = [];
  const made: { t: number; move: string }[] = [];
  let movedAt = Number.NEGATIVE_INFINITY;
  for (let t = 0; t < stepS * 5 + 30; t++) {
    const [w0, w1] = wants(t);
    const shared = home.v0 === home.v1;
    const v0 = w0;
    const v1 = shared ? Math.min(w1, 1000 - w0) : w1;
    const on = (id: string) => (home.v0 === id ? v0 : 0) + (home.v1 === id ? v1 : 0);
    past.push({ a: on('a'), b: on('b'), v0, v1 });
    const window = past.slice(-10);
    const mean = (key: 'a' | 'b' | 'v0' | 'v1') =>
      Math.round(window.reduce((sum, p) => sum + p[key], 0) / window.length);
    const vms = (id: string) =>
      ['v0', 'v1'].filter(x => home[x] === id).map(x => vm(x, mean(x as 'v0' | 'v1')));
    const more = {
      windowFull: t - movedAt >= 10,
      sinceRelocationMs: movedAt < 0 ? -1 : (t - movedAt) * 1000,
    };
    const nodes = (['a', 'b'] as const).map(id => node(id, vms(id), { ...more, cpuPermille: mean(id) }));
    const { moves } = decide(view(...nodes), THRESHOLD_DEFAULTS);
    for (const move of moves) {
      home[move.vm] = move.to;
      movedAt = t;
      made.push({ t, move: `${move.vm}:${move.from}>${move.to} ${move.reason}` });
    }
  }
  return made;
}

for (const stepS of [60, 20]) {
  // At the packing node a's window still falls from 50 %: it passes 30 % while b stands at 20 %, so a is the busier.
  test(`the paper’s staircase with ${stepS} s a step moves VM0 away once and packs once, nothing else`, () => {
    const made = staircase(stepS);
    assert.equal(
      made.map(m => m.move),
      ['v0:a>b overload', 'v0:b>a consolidate'],
    );
    const [spread, pack] = made as [(typeof made)[0], (typeof made)[0]];
    assert.ok(spread.t >= 2 * stepS && spread.t <= 2 * stepS + 10, `overload seen at ${spread.t} s`);
    assert.ok(pack.t >= 4 * stepS && pack.t <= 4 * stepS + 10, `packed at ${pack.t} s`);
  });
}

test.run();
