import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { disturbed, worst } from './others.ts';

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

test.run();
