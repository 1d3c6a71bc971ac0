import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { arrivalsOf, noticedMs, phi, plain, silences } from './detection-figures.ts';

const trace = (author: string, ...ms: number[]) => ms.map(at => `${author} hash ${at} received`).join('\n');
const steady = Array.from({ length: 20 }, (_, i) => i * 1000);

test('a death is noticed one timeout after the last report, counted from the death', () => {
  const arrivals = new Map([
    ['a', arrivalsOf(trace('v', 0, 1000, 2000, 9000))],
    ['b', arrivalsOf(trace('v', 0, 1000))],
    ['v', arrivalsOf(trace('a', 0))],
  ]);
  const deaths = [{ author: 'v', atMs: 2400, untilMs: 7000 }];
  assert.equal(noticedMs(arrivals, deaths, plain(2500)), [2100, 1100]);
  assert.equal(noticedMs(arrivals, deaths, plain(3500)), [3100, 2100]);
});

test('a silence counts when it touches the time of starvation, and is a false alarm when it is longer than allowed', () => {
  const arrivals = new Map([['a', arrivalsOf(trace('b', 0, 1000, 3600, 4600, 9000, 10_000))]]);
  const found = silences(arrivals, [{ fromMs: 2000, toMs: 4000 }], plain(2500));
  assert.equal(
    found.map(s => s.gapMs),
    [2600, 1000],
  );
  assert.is(found.filter(s => s.gapMs > s.allowedMs).length, 1);
});

test('phi waits little for a steady author and longer for one whose reports come unevenly', () => {
  const uneven = steady.map((ms, i) => ms + (i % 2) * 600);
  const [calm, wide] = [phi.timeoutMs(steady), phi.timeoutMs(uneven)];
  assert.ok(calm > 1500 && calm < 1600, `${calm}`);
  assert.ok(wide > 4000, `${wide}`);
});

test('a report that came by way of others tells of a moment before it came, but came when it came', () => {
  const heard = arrivalsOf('v h 5000 received\nv h 7500 relayed\nv h 7600 relayed\nv h 13000 relayed\n');
  assert.equal(
    heard.get('v')?.map(a => a.fromMs),
    [5000, 6500, 6600, 12_000],
  );
  const deaths = [{ author: 'v', atMs: 6400, untilMs: 12_500 }];
  const arrivals = new Map([['a', heard]]);
  assert.equal(noticedMs(arrivals, deaths, plain(2500)), [2700], 'the last one is of its next life');
  const windows = [{ fromMs: 7000, toMs: 8000 }];
  assert.equal(
    silences(arrivals, windows, plain(2500)).map(s => s.gapMs),
    [2500, 1100, 6400],
  );
});

test('lines of the author’s own sending are no arrivals', () => {
  assert.is(arrivalsOf('a h 1 sent\na h 2 received\n').get('a')?.length, 1);
});

test.run();
