import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { aHandoff } from '../http/test-api.ts';
import type { PageStats } from '../pages/types.ts';
import { figures, isVcpu, NO_FIGURES, phaseOf, type Seen, withFigures } from './figures.ts';
import { plus } from './figures-sum.ts';
import { Timeline } from './timeline.ts';

const { faults, blocked } = aHandoff();
const stats: PageStats = {
  ...{ wireBytes: 1_000_000, urgentBytes: 8192, bulkBytes: 900_000, streamBytes: 50_000 },
  ...{ bytesPerSecond: 4_096_000, bulkWindowBytes: 131_072, samples: 0, dataBytes: 908_192 },
  ...{ packedFromBytes: 65_536, packedBytes: 30_000, packedExtents: 4, releasedBytes: 2_097_152 },
  ...{ dataPages: 5000, pagesDone: 1000, zeroFaults: 3, reconnects: 2, cpuMs: 40 },
  ...{ faults, blocked, deviceLoadPages: [], faultedBlocks: [] },
};
const seen: Seen = {
  role: 'target',
  stats,
  steady: 4_096_000,
  pageBytes: 4096,
  linkLostMs: -1,
  silentMs: 0,
  ended: false,
};

test('the bytes of all classes together are those on the wire', () => {
  const { bytes, wireBytes } = figures(seen);
  assert.equal(bytes, { urgent: 8192, bulk: 900_000, state: 50_000, control: 41_808 });
  assert.is(bytes.urgent + bytes.bulk + bytes.state + bytes.control, wireBytes);
});

test('what is left is told in pages, in bytes, and in seconds at the present rate', () => {
  const { residualPages, residualBytes, secondsLeft } = figures(seen);
  assert.equal([residualPages, residualBytes, secondsLeft], [4000, 16_384_000, 4]);
  const standing = { ...stats, bytesPerSecond: 0 };
  assert.is(figures({ ...seen, stats: standing }).secondsLeft, -1, 'nobody knows while nothing comes');
  assert.is(figures({ ...seen, stats: { ...standing, pagesDone: 5000 } }).secondsLeft, 0);
});

test('what travelled packed is told as it was and as it went', () => {
  const { packedFromBytes, packedBytes, packedExtents } = figures(seen);
  assert.equal([packedFromBytes, packedBytes, packedExtents], [65_536, 30_000, 4]);
  assert.is(figures({ ...seen, stats: undefined }).packedBytes, -1);
});

test('memory that was given back early is told by the source', () => {
  assert.is(figures({ ...seen, role: 'source' }).releasedBytes, 2_097_152);
  assert.is(figures(seen).releasedBytes, -1);
});

test('a handoff that has ended goes at no rate and has lost no link', () => {
  const { bytesPerSecond, linkLostMs, reconnects } = figures({ ...seen, linkLostMs: 3000, ended: true });
  assert.equal([bytesPerSecond, linkLostMs, reconnects], [0, -1, 2]);
  assert.is(figures({ ...seen, linkLostMs: 3000 }).linkLostMs, 3000);
});

test('the time that is left goes by a steady rate: half a figure before a link is lost, or after, is none', () => {
  const timeline = new Timeline();
  const at = (bytesPerSecond: number) => timeline.keep({ ...stats, bytesPerSecond }, 0);
  for (const rate of [0, 100, 100, 20]) at(rate);
  assert.is(timeline.steady, 80);
  at(0);
  assert.is(timeline.steady, 80, 'silence is no rate');
  at(160);
  assert.is(timeline.steady, 100);
  assert.is(figures({ ...seen, steady: 8_192_000 }).secondsLeft, 2);
});

test('silence is told while pages are missing, and by the time since one came', () => {
  assert.is(figures({ ...seen, silentMs: 1500 }).silentMs, 1500);
  assert.is(figures({ ...seen, silentMs: 1500, ended: true }).silentMs, -1);
  assert.is(figures({ ...seen, silentMs: 1500, stats: { ...stats, pagesDone: 5000 } }).silentMs, -1);
  const timeline = new Timeline();
  timeline.keep(stats, 1000);
  timeline.keep({ ...stats, wireBytes: 2_000_000 }, 2000);
  assert.is(timeline.movedAtMs, 1000, 'a dead link still tries');
  timeline.keep({ ...stats, urgentBytes: 12_288 }, 3000);
  assert.is(timeline.movedAtMs, 3000);
});

test('people are told that a guest which runs elsewhere waits for its pages, whatever the newest record is', () => {
  const { at } = aHandoff();
  const moving = {
    stage: 'committed',
    engine: 'postcopy' as const,
    outcome: '',
    at: { ...at, transferred: -1 },
  };
  assert.is(phaseOf(moving), 'transferring');
  assert.is(phaseOf({ ...moving, at: { ...at, run: -1, resumed: -1, transferred: -1 } }), 'committed');
  assert.is(phaseOf({ ...moving, outcome: 'done' }), 'committed');
  assert.is(phaseOf({ ...moving, at }), 'committed');
  const before = {
    ...moving,
    stage: 'connecting',
    at: { ...at, migrate: -1, run: -1, resumed: -1, transferred: -1 },
  };
  assert.is(phaseOf({ ...before, engine: 'warm' }), 'warming');
  assert.is(phaseOf(before), 'connecting');
  assert.is(phaseOf({ ...before, engine: 'warm', outcome: 'aborted' }), 'connecting');
});

test("page servers that followed one another count as one: what went adds up, where it stands is the last one's word", () => {
  const zero = { ...faults, count: 0, sumUs: 0, p50Us: 0, p99Us: 0, maxUs: 0, buckets: [] };
  assert.is(plus(undefined, stats), stats);
  const next = { ...stats, wireBytes: 500, reconnects: 0, pagesDone: 7, dataBytes: 28_672 };
  const sum = plus(stats, next);
  assert.equal([sum.wireBytes, sum.bulkBytes, sum.reconnects, sum.cpuMs], [1_000_500, 1_800_000, 2, 80]);
  assert.equal([sum.pagesDone, sum.dataBytes, sum.dataPages], [7, 28_672, 5000]);
  assert.equal(
    sum.faults.buckets,
    faults.buckets.map(count => 2 * count),
  );
  const { count, sumUs, p50Us, p99Us, maxUs } = sum.faults;
  assert.equal([count, sumUs, p50Us, p99Us, maxUs], [1624, 804_000, 500, 2000, 5200], 'by the bounds');
  assert.equal(
    sum.blocked,
    blocked.map(row => ({ ...row, us: 2 * row.us, faults: 2 * row.faults })),
  );
  const twins = [3, 4].map(us => ({ thread: 'worker', us, faults: 1 }));
  const other = plus({ ...stats, faults: zero }, { ...next, blocked: twins });
  assert.equal([other.faults, other.blocked.at(-1)], [faults, { thread: 'worker', us: 7, faults: 2 }]);
});

test('each side tells what it knows: the target of faults and who stood, the source of the window', () => {
  const [source, target] = [figures({ ...seen, role: 'source' }), figures(seen)];
  assert.equal([source.faults, source.blocked, source.windowBytes], [NO_FIGURES.faults, [], 131_072]);
  assert.equal([target.faults, target.blocked, target.windowBytes], [faults, blocked, -1]);
});

test('the threads that stood longest are named, and a VMM of many makes no long record', () => {
  const many = Array.from({ length: 100 }, (_, us) => ({ thread: `t${us}`, us, faults: 1 }));
  const shown = figures({ ...seen, stats: { ...stats, blocked: many } }).blocked;
  assert.is(shown.length, 17);
  assert.equal(shown[0], { thread: 't99', us: 99, faults: 1 });
  assert.equal(shown[16], { thread: 'others', us: (83 * 84) / 2, faults: 84 });
});

test('a row that an earlier version wrote has what it did not know as unknown', () => {
  const { bytes, faults: of, blocked: who, ...rest } = aHandoff();
  const old = { ...rest, faults: { count: of.count, p50Us: 1, p99Us: 2, maxUs: 3 } } as typeof rest;
  const row = withFigures(old);
  assert.equal([row.bytes, row.blocked, row.faults.buckets], [NO_FIGURES.bytes, [], []]);
  assert.equal([row.wireBytes, row.faults.count], [741_000_000, 812]);
  assert.equal([bytes.urgent > 0, who.length], [true, 2]);
});

test('vCPUs beyond those that are shown stay apart from other threads', () => {
  const many = [...Array(20).keys()].flatMap(i => [
    { thread: `CPU ${i}/KVM`, us: 1000 + i, faults: 1 },
    { thread: `worker ${i}`, us: 10, faults: 2 },
  ]);
  const shown = figures({ ...seen, role: 'target', stats: { ...stats, blocked: many } }).blocked;
  assert.is(shown.length, 18);
  assert.equal(shown.slice(16), [
    { thread: 'other vCPUs', us: 1000 + 1001 + 1002 + 1003, faults: 4 },
    { thread: 'others', us: 200, faults: 40 },
  ]);
  assert.equal(
    shown.filter(row => !isVcpu(row)).map(row => row.thread),
    ['others'],
  );
});

test.run();
