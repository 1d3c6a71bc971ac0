import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { armsOf } from './curve.ts';
import { curveChart } from './curve-chart.ts';
import { type CurvePoint, curvePoint, curveRow, curveTable, missed } from './curve-figures.ts';
import type { Run } from './figures-table.ts';
import { leastRttUs, mbitOf } from './link-figures.ts';

const link = { rawTcpMbit: 800, rttUs: 100 };
/** 800 Mbit/s over a second are 100 MB. */
const move = {
  // 20 ms stood the guest: pages flow meanwhile, before it runs on the target.
  ...{ dataBytes: 90_000_000, transferMs: 980, bulkMs: 1000, wireBytes: 90_450_000 },
  ...{ bulkBytes: 80_000_000, urgentBytes: 20_000_000 },
  ...{ faults: 10, faultMeanUs: 420, faultP50Us: 350, faultP99Us: 2100 },
  ...{ guestGapMs: 31, guestWorkLost: 0.5, badPages: 0 },
} as Run;

test('a point is the payload a second over raw TCP, and waits over the round trip', () => {
  assert.equal(curvePoint(move, link), {
    ...link,
    ...{ goodputMbit: 720, share: 0.9, bulkPart: 0.8, faults: 10 },
    ...{ meanOverUs: 320, p50OverUs: 250, p99OverUs: 2000 },
    ...{ guestGapMs: 31, guestWorkLost: 0.5, wireOverData: 1.005, badPages: 0 },
  });
});

test('a move of which the page server sees no faults has no waits, rather than waits of less than nothing', () => {
  const qemu = curvePoint({ ...move, faults: 0, faultMeanUs: 0, faultP50Us: 0, faultP99Us: 0 }, link);
  assert.equal([qemu.bulkPart, qemu.meanOverUs, qemu.p50OverUs, qemu.p99OverUs], [-1, -1, -1, -1]);
  assert.is(qemu.share, 0.9);
});

const point = (part: Partial<CurvePoint>): CurvePoint => ({ ...curvePoint(move, link), ...part });
const fifo = { kind: 'fifo', engine: 'postcopy', window: 65_536 } as const;
const htb = { ...fifo, kind: 'htb' } as const;

test('a row is judged by its medians, more strictly where the link has a priority class', () => {
  const good = { share: 0.98, p50OverUs: 400, p99OverUs: 2500 };
  const points = [point(good), point(good), point({ share: 0.1, p50OverUs: 90_000, p99OverUs: 90_000 })];
  assert.equal(missed(curveRow(fifo, points)), []);
  assert.equal(missed(curveRow(htb, points)), ['p50 > 150', 'p99 > 2000']);
  assert.equal(missed(curveRow(fifo, [point({ ...good, share: 0.969 })])), ['goodput < 0.97']);
});

test('a move without a wait shows no latency, and reaches no bar of one', () => {
  const none = point({ share: 0.98, p50OverUs: -1, p99OverUs: -1 });
  assert.equal(missed(curveRow(htb, [none])), ['p50 not measured', 'p99 not measured']);
});

test("QEMU's mean wait with postcopy-preempt is a bar of its link, where it is in the table and told one", () => {
  const ours = curveRow(fifo, [point({ share: 0.98, p50OverUs: 1, p99OverUs: 1, meanOverUs: 320 })]);
  const preempt = (kind: 'fifo' | 'htb', meanOverUs: number) =>
    curveRow({ kind, engine: 'qemu-preempt' }, [point({ meanOverUs })]);
  assert.equal(missed(ours, [ours, preempt('fifo', 300)]), ['mean > 300 (qemu-preempt)']);
  for (const other of [preempt('fifo', 320), preempt('htb', 1), preempt('fifo', -1)])
    assert.equal(missed(ours, [ours, other]), []);
  assert.equal(missed(ours, [ours, curveRow({ kind: 'fifo', engine: 'qemu-preempt' }, [])]), []);
});

test('bounds are there from six runs on, and the table shows them', () => {
  const six = [1, 2, 3, 4, 5, 6].map(i => point({ p50OverUs: i }));
  assert.equal(curveRow(fifo, six).figures.p50OverUs, { count: 6, median: 3.5, low: 1, high: 6 });
  assert.equal(curveRow(fifo, six.slice(1)).figures.p50OverUs, { count: 5, median: 4, low: -1, high: -1 });
  const table = curveTable([curveRow(fifo, six), curveRow(htb, [])]);
  const [bad] = [curveRow(fifo, [...six, point({ badPages: 2 }), point({ badPages: 1 })])];
  assert.is(bad?.badPages, 3, 'a page that is wrong in one run is not lost in a median');
  assert.match(table, /fifo 64k .* 3\.5 \(1 to 6\)/);
  assert.not.match(table, /htb/, 'what was never measured has no row');
});

test('every window meets every kind of link, and QEMU only where it is asked', () => {
  assert.is(armsOf([0, 65_536], ['fifo', 'htb'], []).length, 4);
  assert.equal(
    armsOf([0], ['htb'], ['qemu-postcopy']).map(arm => arm.engine),
    ['postcopy', 'qemu-postcopy'],
  );
});

test('the chart has a mark with its name for each window, a line for each wait, and none for QEMU', () => {
  const rows = [
    ...[fifo, htb, { ...htb, window: 0 }].map(arm => curveRow(arm, [point({})])),
    curveRow({ kind: 'fifo', engine: 'qemu-postcopy' }, [point({ p50OverUs: -1 })]),
  ];
  const svg = curveChart(rows);
  assert.is(svg.match(/<circle/g)?.length, 6);
  assert.is(svg.match(/<path/g)?.length, 4);
  assert.ok(svg.includes('>64k<') && svg.includes('>auto<'));
  assert.not.match(svg, /NaN|Infinity/);
});

test('the round trip is the least that the kernel tells of any connection, and none is an error', () => {
  const said = ' cubic rtt:0.3/0.1 minrtt:0.071 snd_wnd:1\n cubic rtt:0.2/0.1 minrtt:0.064 snd_wnd:1\n';
  assert.is(leastRttUs(said), 64);
  assert.throws(() => leastRttUs(''), /no TCP connection/);
});

test('raw TCP is what the receiver of iperf3 got', () => {
  assert.is(mbitOf('{"end":{"sum_received":{"bits_per_second":936400000}}}'), 936);
});

test.run();
