import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { lineChart } from './line-chart.ts';

const chart = (points: { x: number; y: number }[], marks: { x: number; label: string }[] = []) =>
  lineChart({
    title: 'CPU of <PM0>',
    xLabel: 's',
    yLabel: '%',
    yMax: 100,
    lines: [{ name: 'PM0', points }],
    marks,
  });

test('a chart draws its line from the first to the last point, a higher value higher up', () => {
  const [, path] = /<path d="([^"]+)"/.exec(
    chart([
      { x: 0, y: 0 },
      { x: 100, y: 100 },
    ]),
  )!;
  const [, x0, y0, x1, y1] = /M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)/.exec(path!)!.map(Number);
  assert.ok(x1! > x0!);
  assert.ok(y1! < y0!);
});

test('every switch has a vertical line with its label, and names are escaped', () => {
  const svg = chart([{ x: 50, y: 10 }], [{ x: 20, label: 'VM0 → node1' }]);
  assert.is(svg.match(/stroke-dasharray/g)?.length, 1);
  assert.ok(svg.includes('VM0 → node1'));
  assert.ok(svg.includes('CPU of &lt;PM0&gt;'));
});

test('a chart of several lines has a key that tells them apart without colours; one of a single line has none', () => {
  const points = [{ x: 1, y: 2 }];
  const lines = ['good', 'late', 'failed'].map(name => ({ name, points }));
  const svg = lineChart({ title: 'a', xLabel: 's', yLabel: '1/s', yMax: 100, lines, marks: [] });
  assert.is(svg.match(/<path /g)?.length, 3);
  for (const { name } of lines) assert.ok(svg.includes(`>${name}</text>`));
  const dashes = [...svg.matchAll(/<path [^>]*?(stroke-dasharray="[^"]*")?\/>/g)].map(found => found[1]);
  assert.is(new Set(dashes).size, 3);
  assert.not.match(chart(points), '>PM0</text>');
});

test.run();
