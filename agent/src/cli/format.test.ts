import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { durationMs, limitOf } from './arguments.ts';
import { ascii, bar, bytes, duration, mebibytes, micros, moment, plain, spanMs, stood } from './format.ts';
import { style, wantsColour } from './style.ts';
import { table } from './table.ts';

test('ages and rests of nodes and VMs read well at every size', () => {
  const shown = [-1, 0, 412, 9949, 9950, 42_000, 119_400, 720_000, 11_400_000, 10_800_000, 345_600_000].map(
    duration,
  );
  assert.equal(shown, [
    '–',
    '0.0 s',
    '0.4 s',
    '9.9 s',
    '10 s',
    '42 s',
    '119 s',
    '12 min',
    '3 h 10 min',
    '3 h',
    '4 d',
  ]);
});

test('sizes, spans and fault times have their units', () => {
  assert.equal([-1, 0, 999, 1000, 12_000, 741_000_000, 999_600].map(bytes), [
    '–',
    '0 B',
    '999 B',
    '1.0 kB',
    '12.0 kB',
    '741 MB',
    '1.0 MB',
  ]);
  assert.equal([512, 1024, 1536].map(mebibytes), ['512 MiB', '1.0 GiB', '1.5 GiB']);
  assert.equal([spanMs(-1, 5), spanMs(5, -1), spanMs(5, 77.4)], ['–', '–', '72 ms']);
  const spans = [-1, 410, 1900, 99_950, 999_499, 999_500].map(micros);
  assert.equal(spans, ['–', '410 µs', '1.9 ms', '100 ms', '999 ms', '1.0 s']);
});

test('what is written is ASCII where a terminal has nothing else', () => {
  assert.is(ascii('node0 → node1: ≤ 410 µs –, ██··'), 'node0 -> node1: <= 410 us -, ##..');
  assert.is(ascii('näh'), 'n?h');
  assert.equal(
    [0, 49.9, 100].map(value => ascii(bar(value, 4, true))),
    ['....', '#...', '####'],
  );
});

test('the vCPUs are what stood, and all threads where none is named as one', () => {
  const [cpu0, io] = [
    { thread: 'CPU 0/KVM', us: 400 },
    { thread: 'IO mon_iothread', us: 5000 },
  ];
  assert.equal(stood([cpu0, io, { thread: 'CPU 1/TCG', us: 50 }]), ['vCPUs stood', '450 µs']);
  assert.equal(stood([io]), ['threads stood', '5.0 ms']);
  assert.equal(stood([]), ['threads stood', '–']);
});

test('a bar is as long as the CPU is busy, and never longer than its place', () => {
  assert.equal(
    [0, 50, 55, 100, 250, -3].map(v => bar(v)),
    ['··········', '█████·····', '█████▌····', '██████████', '██████████', '··········'],
  );
});

test('a decision of another day shows the day', () => {
  const at = new Date(2026, 2, 4, 5, 6, 7).getTime();
  assert.is(moment(at, at + 1000), '05:06:07');
  assert.is(moment(at, at + 86_400_000), '2026-03-04 05:06:07');
});

test('what another node says cannot steer the terminal', () => {
  assert.is(plain('vm\u001b[2J\r\n\u009b1m'), 'vm\ufffd[2J\ufffd\ufffd\ufffd1m');
});

test('columns are aligned whatever their colour, and empty ones are left out', () => {
  const rows = [
    { name: 'vm1', size: 5, note: '' },
    { name: 'a-long-name', size: 12345, note: '' },
  ];
  const lines = table<(typeof rows)[number]>(
    [
      { title: 'VM', cell: r => style(true).good(r.name) },
      { title: 'SIZE', right: true, cell: r => String(r.size) },
      { title: 'NOTE', cell: r => r.note },
    ],
    rows,
    style(false),
  );
  assert.equal(lines, [
    'VM            SIZE',
    '\u001b[32mvm1\u001b[39m              5',
    '\u001b[32ma-long-name\u001b[39m  12345',
  ]);
  assert.equal(table([{ title: 'VM', cell: String }], [], style(false)), []);
});

test('colour is for terminals of people who did not decline it', () => {
  assert.is(wantsColour(true, {}), true);
  for (const [tty, env] of [
    [false, {}],
    [true, { NO_COLOR: '1' }],
    [true, { TERM: 'dumb' }],
  ] as const)
    assert.is(wantsColour(tty, env), false);
  assert.is(style(false).bad('x'), 'x');
});

test('times and numbers of rows are taken, and nothing that only looks like one', () => {
  assert.equal(
    ['250ms', '90s', '10m', '10min', '2h', '1d'].map(durationMs),
    [250, 90_000, 600_000, 600_000, 7_200_000, 86_400_000],
  );
  for (const text of ['', '10', 'm', '0s', '-5m', '1.5h', '10 weeks', '1e3s'])
    assert.throws(
      () => durationMs(text),
      (e: { code?: string }) => e.code === 'SHOAL_CLI_USAGE',
      text,
    );
  for (const text of ['0', '501', 'x', '1.5', '']) assert.throws(() => limitOf(text));
  assert.is(limitOf('500'), 500);
});

test.run();
