import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Lab } from '../lab/index.ts';
import { disturbed, watchOthers, worst } from './others.ts';

test('a move is discarded when others use too much of both cores or of one, and the reason names it', () => {
  assert.is(disturbed({ share: 0.15, cores: [0.25, 0.05] }), '');
  assert.is(disturbed({ share: 0.16, cores: [0.2, 0.12] }), 'others used 16 % of the cores');
  assert.is(disturbed({ share: 0.14, cores: [0, 0.28] }), 'others used 28 % of core 1');
});

test('the worst part of a move counts: a disturbance does not drown in a long quiet', () => {
  const parts = [
    { share: 0.01, cores: [0.02, 0] },
    { share: 0.3, cores: [0, 0.6] },
  ];
  assert.equal(worst(parts), { share: 0.3, cores: [0.02, 0.6] });
  assert.equal(worst([]), { share: 0, cores: [0, 0] });
});

test('a core alone is looked at only where each node has its own: else nobody knows whose its time was', () => {
  const lab = (cores: number[]) =>
    ({
      state: { nodes: cores.map(core => ({ core })) },
      nodes: cores.map(() => ({ usage: '' })),
    }) as unknown as Lab;
  assert.is(watchOthers(lab([0, 1]))().cores.length, 2);
  assert.equal(watchOthers(lab([-1, -1, -1]))().cores, []);
});

test.run();
