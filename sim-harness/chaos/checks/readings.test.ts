import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { lessWork, pagesSaidBad, type Reading } from './readings.ts';

/** `n0 b1 5 @10-11`: node, boot, work, asked and heard. */
const readings = (...lines: string[]): Reading[] =>
  lines.map(line => {
    const [node = '', boot = '', work, times = ''] = line.split(' ');
    const [askedNs = 0, heardNs = 0] = times.slice(1).split('-').map(Number);
    return { vm: 'vm', node, boot, work: Number(work), bad: 0, askedNs, heardNs };
  });
const MOVED = ['n0 b1 5 @10-11', 'n0 b1 9 @20-21', 'n1 b1 9 @30-31', 'n1 b1 14 @40-41'];

test('a guest that moves and works on is no violation', () => {
  const good = readings(...MOVED);
  assert.equal([...lessWork(good), ...pagesSaidBad(good)], []);
});

test('a guest that runs on from an older state is seen, however its readings were gathered, and once', () => {
  const bad = readings(...MOVED, 'n0 b1 12 @50-51', 'n0 b1 13 @60-61');
  for (const order of [bad, [...bad].reverse()]) {
    const found = lessWork(order);
    assert.is(found.length, 1);
    assert.is(found[0]?.check, 'one-runner');
    assert.match(found[0]?.what ?? '', /vm said that it had done 14 on n1, and .* later 12 on n0/);
  }
});

test('two guests that work on side by side are seen, though each for itself only does more', () => {
  const both = readings(
    'n0 b1 5 @10-11',
    'n1 b1 9 @20-21',
    'n0 b1 7 @30-31',
    'n1 b1 12 @40-41',
    'n0 b1 9 @50-51',
  );
  assert.is(lessWork(both).length, 2);
});

test('a guest that boots anew begins at nothing, and the boot before does not come back', () => {
  const anew = [...MOVED, 'n1 b2 0 @50-51', 'n1 b2 3 @60-61'];
  assert.equal(lessWork(readings(...anew)), []);
  assert.is(lessWork(readings(...anew, 'n0 b1 8 @70-71')).length, 1);
  assert.equal(lessWork(readings(...anew).map((r, i) => ({ ...r, vm: `vm${i}` }))), [], 'of another VM each');
});

test('readings that overlap are not compared, and do not hide what is less than both', () => {
  const crossed = ['n0 b1 5 @10-11', 'n1 b1 9 @20-29', 'n0 b1 8 @25-28'];
  assert.equal(lessWork(readings(...crossed)), []);
  assert.is(lessWork(readings(...crossed, 'n0 b1 8 @40-41')).length, 1);
});

test('a page that a guest said was wrong is told of once a boot', () => {
  const bad = readings(...MOVED, 'n1 b2 1 @50-51').map(r => ({ ...r, bad: r.askedNs > 20 ? 2 : 0 }));
  const found = pagesSaidBad(bad);
  assert.equal(
    found.map(v => v.check),
    ['memory', 'memory'],
  );
  assert.match(found[0]?.what ?? '', 'vm said on n1 that 2 of its pages were wrong, at 31 ns');
});

test.run();
