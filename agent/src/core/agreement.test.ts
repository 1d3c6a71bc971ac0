/** Nobody is in charge: every node decides on its own view, and views differ by a report or two. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Agent, Cluster, config, seeded } from './testing-cluster.ts';

const SEEDS = 120;
const STIRRED_S = 60;
const STILL_S = 150;

function run(seed: number, lateOneIn: number): Cluster {
  const cluster = new Cluster(seed, lateOneIn);
  for (let s = 0; s < STIRRED_S; s++) {
    cluster.stir();
    cluster.second();
  }
  for (let s = 0; s < STILL_S; s++) cluster.second();
  return cluster;
}

test('views that differ by a report: one asker a VM, crossing offers settled, no ping-pong, rest in the end', () => {
  let [moves, disagreed] = [0, 0];
  for (let seed = 0; seed < SEEDS; seed++) {
    const cluster = run(seed, 3);
    moves += cluster.made.length;
    disagreed += cluster.disagreed;
    for (const [i, { atMs, vm, relocation }] of cluster.made.entries()) {
      for (const later of cluster.made.slice(i + 1)) {
        const apartMs = later.atMs - atMs;
        if (later.vm === vm)
          assert.ok(apartMs >= config.cooldownMs, `seed ${seed}: ${vm} again after ${apartMs} ms`);
        // Whoever has not heard of it yet, a report's time later, may begin another elsewhere (policies.md, P0).
        if (later.relocation !== relocation)
          assert.ok(
            apartMs <= 1000 || apartMs >= config.cooldownMs,
            `seed ${seed}: another after ${apartMs} ms`,
          );
      }
    }
    const last = cluster.made.at(-1)?.atMs ?? 0;
    assert.ok(last < cluster.nowMs - 30_000, `seed ${seed} still moves at ${last} ms`);
  }
  const tame = `${moves} moves, ${disagreed} disagreements`;
  assert.ok(moves > 2 * SEEDS && disagreed > SEEDS, `the clusters are too tame: ${tame}`);
});

test('two nodes that fall idle together give exactly one packing move, whoever heard of what', () => {
  let crossed = 0;
  for (let seed = 0; seed < 500; seed++) {
    const cluster = new Cluster(seed, 2);
    const [a, b] = cluster.agents.splice(0, 2) as [Agent, Agent];
    cluster.agents.splice(0, cluster.agents.length, a, b);
    const below = seeded(seed + 9999);
    a.vms = new Map([['x', 400]]);
    b.vms = new Map([['y', 400]]);
    for (let s = 0; s < 3; s++) cluster.second();
    for (let s = 0; s < 60; s++) {
      if (s < 8)
        for (const [{ vms }, vm] of [
          [a, 'x'],
          [b, 'y'],
        ] as const)
          if (vms.has(vm)) vms.set(vm, 250 + below(9) - s * 5);
      cluster.second();
    }
    assert.is(
      cluster.made.length,
      1,
      `seed ${seed}: ${JSON.stringify(cluster.made.map(m => [m.atMs, m.vm, m.to]))}`,
    );
    crossed += cluster.crossed;
  }
  assert.ok(crossed > 20, `only ${crossed} crossings: the views are too much alike`);
});

test('one VM and idle nodes: no offer, ever, whatever each has heard', () => {
  for (let seed = 0; seed < 50; seed++) {
    const cluster = new Cluster(seed, 2);
    for (const [i, agent] of cluster.agents.entries()) agent.vms = new Map(i === 0 ? [['v', 1000]] : []);
    const below = seeded(seed);
    for (let s = 0; s < 60; s++) {
      cluster.agents[0]?.vms.set('v', below(1001));
      cluster.second();
    }
    assert.equal(cluster.made, []);
  }
});

test.run();
