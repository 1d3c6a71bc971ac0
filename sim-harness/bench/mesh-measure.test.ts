import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cpuMs, deliveries, percentile, rssMb } from './mesh-measure.ts';

const directory = mkdtempSync(join(tmpdir(), 'shoal-bench-test-'));
test.after(() => rmSync(directory, { recursive: true, force: true }));

function agent(name: string, lines: string[]) {
  const trace = join(directory, name);
  writeFileSync(trace, `${lines.join('\n')}\n`);
  return { id: name, http: '', config: '', log: '', trace };
}

test('delays are between the sending and each receiving, of reports sent in the window alone', () => {
  const a = agent('a', ['a r1 100.0 sent', 'a r2 1100.0 sent', 'b q1 205.5 received']);
  const b = agent('b', ['b q1 200.0 sent', 'a r1 103.0 received', 'a r2 1109.0 received']);
  const { latenciesMs, expected } = deliveries([a, b], 100, 1_000);
  assert.equal(latenciesMs.sort(), [3, 5.5]);
  assert.is(expected, 2);
});

test('an agent that wrote no trace yet counts as one that received nothing', () => {
  const a = agent('c', ['c r1 100.0 sent']);
  const { latenciesMs, expected } = deliveries([a, { ...a, trace: join(directory, 'none') }], 0, 1_000);
  assert.equal(latenciesMs, []);
  assert.is(expected, 1);
});

test('a percentile is a value that occurred', () => {
  assert.is(percentile([3, 1, 2], 0.5), 2);
  assert.is(percentile([5, 1], 0.99), 5);
  assert.ok(Number.isNaN(percentile([], 0.5)));
});

test('processor time and memory of a process are read from /proc', () => {
  const before = cpuMs(process.pid);
  const end = performance.now() + 60;
  while (performance.now() < end);
  assert.ok(cpuMs(process.pid) > before);
  assert.ok(rssMb(process.pid) > 10 && rssMb(process.pid) < 10_000);
});

test.run();
