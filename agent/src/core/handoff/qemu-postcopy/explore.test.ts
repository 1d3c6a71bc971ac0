import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Faults, NO_FAULTS } from '../testing-faults.ts';
import { QEMU_SOURCE } from './source.ts';
import { QEMU_TARGET } from './target.ts';
import { type QemuTables, QemuTwoNodes } from './testing.ts';

const STEPS_WITH_FAULTS = 120;
const STEPS_TO_HEAL = 3000;

/** A faults phase, then one without faults, in which everything must come to an end. */
function play(seed: number, faults: Faults, tables?: QemuTables): QemuTwoNodes {
  const world = new QemuTwoNodes(seed, faults, tables);
  try {
    for (let i = 0; i < STEPS_WITH_FAULTS; i++) world.step();
    world.sides.faults = NO_FAULTS;
    for (let i = 0; i < STEPS_TO_HEAL && !world.ended; i++) world.step();
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}\n${world.trail.join('\n')}`);
  }
  return world;
}

const SOME: Faults = {
  ...{ loss: 0.2, duplicate: 0.1, crash: 0.02, writeFails: 0.1, streamBreaks: 0.2 },
  ...{ vmmDies: 0, contRefused: 0.1, cancel: 0.01, power: 0, resolve: 0 },
};

const about = (seed: number, world: QemuTwoNodes) =>
  `seed ${seed}: ${world.state.source} ${world.state.target}, VMMs ${world.sourceVmm} ${world.targetVmm}\n${world.trail.join('\n')}`;

test('without faults the VM ends up running on the target, and only there', () => {
  let moved = 0;
  for (let seed = 1; seed <= 100; seed++) {
    const world = play(seed, NO_FAULTS);
    if (world.trail.some(line => line.includes('deadline'))) continue; // a slow world may give up: judged below
    assert.is(world.targetVmm, 'running', about(seed, world));
    assert.is(world.sourceVmm, 'dead');
    moved++;
  }
  assert.ok(moved > 10, `${moved} moves`);
});

test('under loss, crashes of agents, failed writes and broken streams a VM is never on two nodes, and lost only with its device state on the way', () => {
  for (let seed = 1; seed <= 4000; seed++) {
    const world = play(seed, SOME);
    assert.ok(world.ended, `not ended: ${about(seed, world)}`);
    const onSource = world.sourceVmm === 'running';
    const onTarget = world.targetVmm === 'running';
    assert.ok(onSource !== onTarget || (world.lost && !onSource), about(seed, world));
  }
});

test('when VMMs die too, every handoff ends, and a guest that has run on the target is never resumed at the source', () => {
  for (let seed = 1; seed <= 4000; seed++) {
    const world = play(seed, { ...SOME, vmmDies: 0.01 });
    assert.ok(world.ended, `not ended: ${about(seed, world)}`);
  }
});

/** Rough enough to reach what takes three faults in a row. */
const ROUGH: Faults = { ...SOME, loss: 0.4, crash: 0.05, writeFails: 0.4, streamBreaks: 0.4, cancel: 0.05 };

/** Whether some seed finds a run that breaks a rule or never ends. */
function caught(source: object, target: object = {}): boolean {
  const tables = { source: { ...QEMU_SOURCE, ...source }, target: { ...QEMU_TARGET, ...target } };
  for (let seed = 1; seed <= 20_000; seed++) {
    try {
      const world = play(seed, { ...ROUGH, vmmDies: seed % 2 ? 0.01 : 0 }, tables as QemuTables);
      if (!world.ended) return true;
      if (world.sourceVmm === 'running' && world.targetVmm === 'running') return true;
    } catch {
      return true;
    }
  }
  return false;
}

test('the word to run said before the VMM serves pages is found: one whose switch failed may resume by itself', () => {
  const { written } = QEMU_SOURCE['w-committed'];
  assert.is.not(typeof written, 'string');
  const hasty = { to: 'serving' as const, do: ['switch-over' as const, 'send-run' as const] };
  assert.ok(caught({ 'w-committed': { ...QEMU_SOURCE['w-committed'], written: hasty } }));
});

test('a rollback although the record of it was not written is found', () => {
  const failed = QEMU_SOURCE['w-aborted'].written;
  assert.ok(caught({ 'w-aborted': { ...QEMU_SOURCE['w-aborted'], 'write-failed': failed } }));
});

test('a target that lets the guest run before it has loaded is found', () => {
  const hasty = { to: 'w-owner' as const, do: ['write-owner' as const] };
  assert.ok(caught({}, { ready: { ...QEMU_TARGET.ready, run: hasty } }));
});

test('a reservation that runs out after `ready` without a record is found', () => {
  const forgets = { to: 'gone' as const, do: ['drop-vm' as const, 'forget' as const] };
  assert.ok(caught({}, { 'ready-run': { ...QEMU_TARGET['ready-run'], deadline: forgets } }));
});

test('a source that never asks what became of the VM when its own VMM has died is found: the target waits for ever', () => {
  const silent = {
    ...QEMU_SOURCE.memoryless,
    resend: 'ignore',
    running: 'ignore',
    ready: 'ignore',
    ask: 'ignore',
  };
  assert.ok(caught({ memoryless: silent }));
});

test.run();
