import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { pauseLeftMs } from './read.ts';
import { type Held, MESH_KEYS_MAX, NODE_KEYS_MAX, RegisterTable } from './table.ts';
import { digest, held, trust } from './testing.ts';

const table = (...entries: Held[]): RegisterTable => {
  const made = new RegisterTable(digest);
  for (const entry of entries) made.merge(entry, trust);
  return made;
};
const said = (t: RegisterTable) => t.all().map(({ register: r }) => [r.key, r.counter, r.author, r.value]);

/** A small seeded generator (mulberry32): a failing order can be played again. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

function shuffled<T>(list: readonly T[], below: (n: number) => number): T[] {
  const out = [...list];
  for (let i = out.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [out[i], out[j]] = [out[j] as T, out[i] as T];
  }
  return out;
}

test('the later writer wins, and a replay of what was before changes nothing', () => {
  const t = table(held('cordon/n1', 'true', 1, 'n1'));
  assert.is(t.merge(held('cordon/n1', '', 2, 'n1'), trust).merged, 'new');
  assert.is(t.merge(held('cordon/n1', 'true', 1, 'n1'), trust).merged, 'old');
  assert.is(t.merge(held('cordon/n1', '', 2, 'n1'), trust).merged, 'known');
  assert.is(t.get('cordon/n1')?.register.value, '');
});

test('of two writers with one counter the higher id wins on every node', () => {
  const [a, b] = [held('cordon/n1', 'true', 5, 'n1'), held('cordon/n1', '', 5, 'op1')] as const;
  assert.equal(said(table(a, b)), said(table(b, a)));
  assert.is(table(a, b).get('cordon/n1')?.register.author, 'op1');
});

test('of two values that one author signed with one counter every node keeps the same', () => {
  const [a, b] = [held('cordon/n1', 'true', 5, 'n1'), held('cordon/n1', 'false', 5, 'n1')] as const;
  assert.equal(said(table(a, b)), said(table(b, a)));
});

test('a node writes what is its own, an operator everything, nobody else anything', () => {
  const t = table();
  const cases: [string, string, boolean][] = [
    ['cordon/n1', 'n1', true],
    ['cordon/n1', 'op1', true],
    ['cordon/n1', 'n2', false],
    ['cordon/n1', 'x1', false],
    ['cordon/x1', 'x1', false],
    ['member/n1', 'n1', false],
    ['member/n2', 'op1', true],
    ['mesh/policy', 'n1', false],
    ['mesh/policy', 'op2', true],
    ['of-a-later-version/n1/deeper', 'n1', true],
    ['of-a-later-version/n1/deeper', 'n2', false],
  ];
  for (const [key, author, may] of cases) {
    const { merged } = t.merge(held(key, 'x', 1, author), trust);
    assert.is(merged !== 'denied' && merged !== 'full', may, `${author} writes ${key}: ${merged}`);
  }
});

test('whatever the order and however often, nodes that saw the same registers hold the same ones', () => {
  for (let seed = 0; seed < 300; seed++) {
    const below = chance(seed);
    const made = Array.from({ length: 40 }, () => {
      const owner = `n${below(3)}`;
      const key = ['cordon', 'pause', 'later', 'member'][below(4)] as string;
      const author = ['n0', 'n1', 'n2', 'op1', 'op2', 'x'][below(6)] as string;
      return held(`${key}/${owner}`, String(below(3)), 1 + below(4), author);
    });
    const once = table(...shuffled(made, below));
    const twice = table(...shuffled([...made, ...made, ...made.slice(0, 20)], below));
    assert.equal(said(twice), said(once), `seed ${seed}`);
    assert.equal(twice.buckets(), once.buckets(), `seed ${seed}`);
  }
});

test('of too many keys of one node all nodes keep the same ones, and other nodes lose none', () => {
  const flood = Array.from({ length: NODE_KEYS_MAX + 40 }, (_, i) => held(`k${i}/n1`, '1', 1, 'n1'));
  for (let seed = 0; seed < 20; seed++) {
    const t = table(held('cordon/n2', 'true', 1, 'n2'), ...shuffled(flood, chance(seed)));
    assert.equal(said(t), said(table(held('cordon/n2', 'true', 1, 'n2'), ...flood)), `seed ${seed}`);
    assert.is(t.all().length, NODE_KEYS_MAX + 1);
    assert.ok(t.get('cordon/n2'));
  }
});

test('of too many keys of the mesh as many are kept as there may be', () => {
  const t = table(...Array.from({ length: MESH_KEYS_MAX + 1 }, (_, i) => held(`member/n${i}`, '', 1, 'op')));
  assert.is(t.all().length, MESH_KEYS_MAX);
  assert.is(t.merge(held('member/z', '', 1, 'op'), trust).merged, 'full');
});

test('after one exchange in both directions two nodes hold the union, and their digests are equal', () => {
  for (let seed = 0; seed < 100; seed++) {
    const below = chance(seed);
    const some = () =>
      Array.from({ length: 30 }, () => {
        const node = `n${below(8)}`;
        return held(`k${below(6)}/${node}`, String(below(2)), 1 + below(3), node);
      });
    const [a, b] = [table(...some()), table(...some())];
    for (const entry of b.differing(a.buckets())) a.merge(entry, trust);
    for (const entry of a.differing(b.buckets())) b.merge(entry, trust);
    assert.equal(said(a), said(b), `seed ${seed}`);
    assert.equal(a.buckets(), b.buckets());
    assert.equal(a.differing(b.buckets()), [], 'an idle exchange sends nothing');
  }
});

test('keys of the mesh are told before those of nodes, so that members are known first', () => {
  const t = table(held('cordon/n1', 'true', 1, 'n1'), held('member/n1', '', 1, 'op'));
  assert.equal(
    t.differing([]).map(h => h.register.key),
    ['member/n1', 'cordon/n1'],
  );
});

test('what a removed member or a former operator wrote is dropped, and the digest is as if it had never been', () => {
  const t = table(
    held('cordon/n1', 'true', 1, 'n1'),
    held('cordon/n2', 'true', 1, 'n2'),
    held('member/n1', '', 1, 'op1'),
  );
  const without = { isOperator: () => false, isMember: (id: string) => id === 'n2' };
  assert.equal(t.drop(without), ['cordon/n1', 'member/n1']);
  assert.equal(t.buckets(), table(held('cordon/n2', 'true', 1, 'n2')).buckets());
});

test('whoever tells a smaller age is believed, a larger one is not', () => {
  const at = (ageMs: number, atMs: number): Held => ({ ...held('pause/n1', '60000', 1, 'n1'), ageMs, atMs });
  const t = table(at(30_000, 100_000));
  t.merge(at(50_000, 100_000), trust);
  assert.is(t.get('pause/n1')?.ageMs, 30_000);
  t.merge(at(10_000, 100_000), trust);
  assert.is(t.get('pause/n1')?.ageMs, 10_000);
});

test('a pause that is told again and again as if just written ends when one of its length ends that began when it came', () => {
  const at = (ageMs: number, atMs: number): Held => ({ ...held('pause/n1', '60000', 1, 'n1'), ageMs, atMs });
  const leftMs = (t: RegisterTable, nowMs: number) => {
    const { register, ageMs, atMs } = t.get('pause/n1') as Held;
    return pauseLeftMs(register.value, ageMs + nowMs - atMs);
  };
  for (const firstAgeMs of [0, 30_000]) {
    const t = table(at(firstAgeMs, 100_000));
    for (let nowMs = 101_000; nowMs <= 170_000; nowMs += 1_000) {
      assert.is(t.merge(at(0, nowMs), trust).merged, 'known');
      assert.is(leftMs(t, nowMs), Math.max(0, 160_000 - nowMs), `at first ${firstAgeMs} old, now ${nowMs}`);
    }
  }
});

test('the order in which ages are told makes no difference to how old a register is taken to be', () => {
  const at = (ageMs: number, atMs: number): Held => ({ ...held('pause/n1', '60000', 1, 'n1'), ageMs, atMs });
  const later = [at(0, 140_000), at(70_000, 150_000), at(45_000, 120_000), at(5_000, 101_000)];
  const ages = Array.from({ length: 50 }, (_, seed) => {
    const t = table(at(40_000, 100_000), ...shuffled(later, chance(seed)));
    return t.get('pause/n1');
  });
  for (const got of ages) assert.equal(got, at(0, 100_000));
});

test.run();
