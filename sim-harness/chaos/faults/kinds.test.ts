import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commandOf, parseChaos } from '../arguments.ts';
import { engineFor, wishesFor } from '../moves.ts';
import { Random } from '../random.ts';
import { crashOf, stepOf } from '../steps.ts';
import { Deck, KINDS } from './kinds.ts';

const dealt = (seed: number, count: number) => {
  const deck = new Deck(new Random(seed));
  return Array.from({ length: count }, () => deck.deal());
};

test('the same seed deals the same faults at the same moments, another seed others', () => {
  assert.equal(dealt(7, 100), dealt(7, 100));
  assert.not.equal(dealt(7, 100), dealt(8, 100));
});

test('every kind of fault comes equally often, and one that could not be done comes again', () => {
  const faults = dealt(1, KINDS.length * 10);
  for (const kind of KINDS) assert.is(faults.filter(f => f.kind === kind).length, 10, kind);
});

test('a fault that could not be done comes again with the next lot', () => {
  const deck = new Deck(new Random(1));
  const first = deck.deal();
  deck.putBack(first);
  const next = Array.from({ length: KINDS.length * 2 }, () => deck.deal().kind);
  assert.equal([...next].sort(), [...KINDS, ...KINDS].sort());
});

test('a kind that can never be done keeps no other kind waiting', () => {
  const deck = new Deck(new Random(1));
  const done = new Map<string, number>();
  for (let lot = 0; lot < 260; lot++)
    for (const fault of Array.from({ length: 5 }, () => deck.deal()))
      if (fault.kind === 'crossing') deck.putBack(fault);
      else done.set(fault.kind, (done.get(fault.kind) ?? 0) + 1);
  for (const kind of KINDS.filter(k => k !== 'crossing'))
    assert.ok((done.get(kind) ?? 0) > 80, `${kind}: ${done.get(kind)}`);
});

test('agents are hit at every stage of both sides', () => {
  const moments = new Set(dealt(3, 4000).map(f => `${f.side} ${f.state}`));
  for (const moment of [
    'source switching',
    'source committed',
    'target ready',
    'target owner',
    'target running',
  ])
    assert.ok(moments.has(moment), moment);
});

test('a step of a handoff is read from the log, and no other line is taken for one', () => {
  const line = {
    level: 'debug',
    handoff: 'h',
    role: 'target',
    vm: 'vm0',
    from: 'a',
    to: 'ready',
    msg: 'handoff step',
  };
  assert.equal(stepOf('node1', JSON.stringify(line)), {
    ...{ node: 'node1', handoff: 'h', role: 'target' },
    ...{ vm: 'vm0', state: 'ready' },
  });
  assert.is(stepOf('node1', JSON.stringify({ ...line, msg: 'VM started' })), undefined);
});

test('what an agent says of a crash is read from its log: that it starts the VM again, or that it has given up on it', () => {
  const time = '2026-11-28T12:00:00.500Z';
  const line = (action: string, msg = 'VM crashed') => JSON.stringify({ time, vm: 'vm0', action, msg });
  const crash = { node: 'node1', vm: 'vm0', action: 'restart', atMs: Date.parse(time) };
  assert.equal(crashOf('node1', line('restart')), crash);
  assert.equal(crashOf('node1', line('leave', 'VM lost its memory')), { ...crash, action: 'leave' });
  assert.is(crashOf('node1', line('restart', 'VM started')), undefined);
});

test('real guests move by QEMU’s own post-copy one time in four, micro guests never', () => {
  const random = new Random(5);
  const share = (driver: 'micro' | 'qemu') => {
    const engines = Array.from({ length: 2000 }, () => engineFor(driver, random));
    return engines.filter(e => e === 'qemu-postcopy').length / engines.length;
  };
  assert.ok(Math.abs(share('qemu') - 0.25) < 0.05);
  assert.is(share('micro'), 0);
});

test('moves by the page server go in every order, packed and not, some under a cap and some with memory given back early; others as they are', () => {
  const random = new Random(6);
  for (const engine of ['precopy', 'qemu-postcopy'] as const)
    assert.equal(wishesFor(engine, 'qemu', random), {});
  for (const [driver, filledMib] of [
    ['micro', 4],
    ['qemu', 16],
  ] as const) {
    const all = Array.from({ length: 1000 }, () => wishesFor('warm', driver, random));
    assert.equal([...new Set(all.map(w => w.order))].sort(), ['hot', 'sequential', 'windows']);
    assert.equal([...new Set(all.map(w => w.compression))].sort(), ['auto', 'off', 'on']);
    assert.ok(Math.abs(all.filter(w => w.earlyRelease === 'on').length - 300) < 60);
    const caps = all.flatMap(w => w.bulkBytesPerSecond ?? []);
    assert.ok(Math.abs(caps.length - 300) < 60, `${caps.length} under a cap`);
    for (const cap of caps) assert.ok(cap >= 0.25 * filledMib * 2 ** 20 && cap <= 2 * filledMib * 2 ** 20);
  }
});

test('a run is named by a command that repeats it', () => {
  const run = parseChaos(['--handoffs', '30', '--seed', '9'], 1);
  assert.ok(run !== 'help');
  assert.is(commandOf(run), 'npm run chaos -- --handoffs 30 --seed 9 --driver micro --nodes 4 --vms 8');
  const again = parseChaos(commandOf(run).split(' ').slice(4), 1);
  assert.equal(again, run);
  assert.is(
    parseChaos([], 77) !== 'help' && (parseChaos([], 77) as { seed: number }).seed,
    77,
    'a fresh seed without one',
  );
});

test('arguments that make no sense are named, and nothing is begun', () => {
  for (const [line, part] of [
    ['--nodes 3', '--nodes'],
    ['--handoffs 0', '--handoffs'],
    ['--driver xen', '--driver'],
    ['--seed -1', '--seed'],
  ] as const)
    assert.throws(
      () => parseChaos(line.split(' '), 1),
      (error: Error & { where?: string }) =>
        `${error.message} ${error.where} ${(error as { cause?: unknown }).cause}`.includes(part.slice(2)),
    );
});

test('a file system is filled to its last block and free again', async () => {
  const { fill, free } = await import('./space.ts');
  const { mount, unmount } = await import('../../lab/space.ts');
  const dir = mkdtempSync(join(tmpdir(), 'shoal-fill-'));
  mount({ path: dir, mib: 3 });
  try {
    fill(dir);
    assert.throws(() => writeFileSync(join(dir, 'more'), Buffer.alloc(4096)), /ENOSPC/);
    free(dir);
    writeFileSync(join(dir, 'more'), Buffer.alloc(2 ** 20));
  } finally {
    unmount(dir);
    rmSync(dir, { recursive: true, force: true });
  }
});

test.run();
