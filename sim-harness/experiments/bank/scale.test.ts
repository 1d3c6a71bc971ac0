import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cellOf } from '../frame/testing.ts';
import { bankFigures, bankSeries, ofApart } from './figures.ts';
import { keepScale, STANDARD, scale } from './scale.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-scale-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

test('the scale that was found on a machine is used there, and the standard one elsewhere', () => {
  const path = join(dir, 'deep', 'scale.json');
  assert.equal(scale(path), STANDARD);
  keepScale({ factor: 0.8, cost: 50 }, path);
  assert.equal(scale(path), { factor: 0.8, cost: 50 });
});

test('a scale that says nothing is an error, not the standard one', () => {
  const path = join(dir, 'broken.json');
  for (const text of ['{', '{}', 'null', '{"factor":0,"cost":40}']) {
    writeFileSync(path, text);
    assert.throws(() => scale(path), /no factor and cost/);
  }
});

const at = (atMs: number, ms: number, vm = 'vm1') => ({ atMs, vm, page: 'login', ms, status: 200 });

test('figures are shares of each VM, and what the client itself used', () => {
  const report = {
    responses: [at(0, 100), at(10, 2500), at(20, 9000), at(30, 5)],
    cpuMs: 1500,
    lag: { maxMs: 7, meanMs: 1 },
  };
  const figures = bankFigures(report, ['vm0', 'vm1']);
  assert.equal(
    [figures.vm1GoodPct, figures.vm1TolerablePct, figures.vm1FailedPct, figures.vm1All],
    [50, 25, 25, 4],
  );
  assert.equal([figures.vm0GoodPct, figures.vm0All], [-1, 0]);
  assert.equal([figures.clientCpuS, figures.clientLagMs], [1.5, 7]);
});

test('series count responses by the second in which they were asked for', () => {
  const series = bankSeries([at(0, 100), at(1500, 2500), at(1600, 10)], ['vm1'], 2000);
  assert.equal(series, [
    {
      name: 'vm1-good',
      points: [
        [0, 1],
        [1, 1],
      ],
    },
    {
      name: 'vm1-tolerable',
      points: [
        [0, 0],
        [1, 1],
      ],
    },
    {
      name: 'vm1-failed',
      points: [
        [0, 0],
        [1, 0],
      ],
    },
  ]);
});

test('what VM1 has of its share apart is against the same repetition', () => {
  const good = (arm: string, vm1GoodPct: number, repetition = 1) =>
    cellOf({ arm, repetition, figures: { vm1GoodPct } });
  const apart = [good('apart', 98), good('apart', 96, 2)];
  const cell = good('postcopy', 93.1);
  assert.equal(ofApart(cell, [...apart, cell]).vm1GoodOfApart, 0.95);
  assert.is(ofApart(good('postcopy', 97, 3), apart).vm1GoodOfApart, 1);
  assert.equal(ofApart(cell, [cell]), {});
});

test.run();
