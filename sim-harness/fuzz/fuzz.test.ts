import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { repositoryRoot } from '../guest/root.ts';
import { type Codec, Refused } from './codec.ts';
import { codecs } from './codecs.ts';
import { statusesOf } from './http.ts';
import { fuzz, inputOf } from './run.ts';
import { casesOf } from './schemathesis.ts';

const kept = mkdtempSync(join(tmpdir(), 'shoal-fuzz-'));
test.after(() => rmSync(kept, { recursive: true, force: true }));

/** A decoder of text that is sound, but for what a test plants in it. */
const planted = (more: Partial<Codec>): Codec => ({
  name: 'planted',
  weight: 1,
  seeds: [Buffer.from('abc')],
  decode: bytes => Buffer.from(bytes).toString('latin1'),
  refuses: error => error instanceof Refused,
  ...more,
});
const run = (codec: Codec, inputs = 500) => fuzz({ inputs, seed: 7, codecs: [codec], kept });

test('no decoder fails on some thousand inputs, nor on any that one ever failed on', async () => {
  const all = codecs();
  const found = join(repositoryRoot(), 'sim-harness', 'fuzz', 'found');
  const report = await fuzz({ inputs: 6000, seed: 20_261, codecs: all, kept: found });
  assert.equal(report.violations, []);
  assert.is(report.replayed, readdirSync(found).length);
  // Mutations that are all refused at the door would test nothing behind it.
  for (const { name } of all) {
    const { taken = 0, inputs = 0 } = report.targets[name] ?? {};
    assert.ok(inputs > 0, `${name} got inputs`);
    assert.ok(taken > 0, `${name} took none of ${inputs}`);
  }
});

test('an input is made from its seed, its decoder and its number alone', () => {
  const [first, second] = codecs() as [Codec, Codec];
  assert.equal(inputOf(first, 3, 17), inputOf(first, 3, 17));
  assert.not.equal(inputOf(first, 3, 17), inputOf(first, 3, 18));
  assert.not.equal(inputOf(first, 3, 17), inputOf(second, 3, 17));
});

test('a decoder that throws an error of another type is found, and its input is kept and fed again', async () => {
  const typed = planted({
    decode: bytes => ((bytes[0] as number) > 200 ? (undefined as unknown as string).length : 'fine'),
  });
  const report = await run(typed);
  assert.is(report.violations[0]?.kind, 'error type');
  assert.match(String(report.violations[0]?.message), 'TypeError');
  assert.ok(readdirSync(kept).length > 0);
  const again = await fuzz({ inputs: 1, seed: 8, codecs: [typed], kept });
  assert.ok(again.replayed > 0);
  assert.ok(again.violations.some(v => v.input.startsWith('planted-')));
  for (const file of readdirSync(kept)) rmSync(join(kept, file));
});

test('a decoder that does not read what it writes is found', async () => {
  const lossy = planted({ encode: value => Buffer.from((value as string).replaceAll('a', 'b')) });
  assert.is((await run(lossy)).violations[0]?.kind, 'round trip');
});

test('a decoder that does not end is broken off and found', async () => {
  const endless = planted({
    decode(bytes) {
      while (bytes.length < 2 ** 30);
      return 'fine';
    },
    seeds: [Buffer.from('b')],
  });
  const report = await fuzz({ inputs: 1, seed: 7, codecs: [endless], kept, hangMs: 500 });
  assert.is(report.violations[0]?.kind, 'hang');
});

test('a rejection that nobody waits for is found, with its input', async () => {
  const stray = planted({
    decode(bytes) {
      if ((bytes[0] as number) > 200) void Promise.reject(new Error('left alone'));
      return 'fine';
    },
  });
  const report = await run(stray);
  assert.is(report.violations[0]?.kind, 'unhandled');
  assert.match(String(report.violations[0]?.message), 'left alone');
});

test('a decoder that keeps what it was fed is found by the memory of the process', async () => {
  const hoard: Buffer[] = [];
  const leaky = planted({
    decode(bytes) {
      hoard.push(Buffer.alloc(1_000_000, bytes[0]));
      return 'fine';
    },
  });
  const report = await run(leaky, 300);
  hoard.length = 0;
  assert.ok(report.violations.some(v => v.kind === 'memory'));
});

test('what the API answered is counted by listener and status, and what was asked by the words of its driver', () => {
  const metrics = [
    'shoal_http_requests_total{listener="socket",status="200"} 372',
    'shoal_http_requests_total{status="404",listener="socket"} 9',
    'shoal_http_requests_total{listener="https",status="401"} 5',
    'shoal_reports_sent_total 7',
  ].join('\n');
  assert.equal(statusesOf(metrics, 'socket'), { '200': 372, '404': 9 });
  assert.equal(statusesOf(metrics, 'https'), { '401': 5 });
  assert.is(casesOf('Test cases:\n  2,338 generated, 19 found 23 unique failures'), 2338);
  assert.is(casesOf('no such schema'), 0);
});

test.run();
