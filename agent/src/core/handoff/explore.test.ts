import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SOURCE } from './source.ts';
import { TARGET } from './target.ts';
import { type Tables, TwoNodes } from './testing.ts';
import { type Faults, NO_FAULTS } from './testing-faults.ts';

const STEPS_WITH_FAULTS = 120;
const STEPS_TO_HEAL = 3000;

/** A faults phase, then one without faults, in which everything must come to an end. */
function play(seed: number, faults: Faults, tables?: Tables): TwoNodes {
  const world = new TwoNodes(seed, faults, tables);
  try {
    for (let i = 0; i < STEPS_WITH_FAULTS; i++) world.step();
    world.faults = NO_FAULTS;
    for (let i = 0; i < STEPS_TO_HEAL && !(world.source === 'gone' && world.target === 'gone'); i++)
      world.step();
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}\n${world.trail.join('\n')}`);
  }
  return world;
}

const SOME: Faults = {
  loss: 0.2,
  duplicate: 0.1,
  crash: 0.02,
  writeFails: 0.1,
  streamBreaks: 0.2,
  vmmDies: 0,
  contRefused: 0.2,
  cancel: 0.01,
};

test('without faults the VM ends up running on the target, and only there', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const world = play(seed, NO_FAULTS);
    if (world.trail.some(line => line.includes('deadline'))) continue; // a slow world may give up: judged below
    assert.is(world.targetVmm, 'running', world.trail.join('\n'));
    assert.is(world.sourceVmm, 'dead');
  }
});

test('under loss, duplicates, crashes of agents, failed writes and broken streams a VM is never on two nodes', () => {
  for (let seed = 1; seed <= 4000; seed++) {
    const world = play(seed, SOME);
    const trail = `seed ${seed}: ${world.source} ${world.target}\n${world.trail.join('\n')}`;
    assert.ok(world.source === 'gone' && world.target === 'gone', `not ended: ${trail}`);
    const onSource = world.sourceVmm === 'running';
    const onTarget = world.targetVmm === 'running';
    assert.ok(onSource !== onTarget, `it must run on exactly one node: ${trail}`);
  }
});

test('when VMMs die too, a guest that has run on the target is never resumed from the copy at the source', () => {
  for (let seed = 1; seed <= 4000; seed++) {
    const world = play(seed, { ...SOME, vmmDies: 0.01 });
    const trail = `seed ${seed}: ${world.source} ${world.target}\n${world.trail.join('\n')}`;
    assert.ok(world.source === 'gone' && world.target === 'gone', `not ended: ${trail}`);
  }
});

/** Rough enough to reach what takes three faults in a row. */
const ROUGH: Faults = { ...SOME, loss: 0.4, crash: 0.05, writeFails: 0.4, cancel: 0.05 };

/** Whether some seed finds a run that breaks a rule or never ends. */
function caught(tables: Tables): boolean {
  for (let seed = 1; seed <= 20_000; seed++) {
    try {
      const world = play(seed, ROUGH, tables);
      if (world.source !== 'gone' || world.target !== 'gone') return true;
      if ((world.sourceVmm === 'running') === (world.targetVmm === 'running')) return true;
    } catch {
      return true;
    }
  }
  return false;
}

const planted = (source: object, target: object = {}): Tables => ({
  source: { ...SOURCE, ...source },
  target: { ...TARGET, ...target },
});

test("a commit without the word of the source's own VMM is found", () => {
  const hasty = {
    ...SOURCE.switching,
    ready: { to: 'w-committed' as const, do: ['write-committed' as const] },
  };
  assert.ok(caught(planted({ switching: hasty })));
});

test('a rollback although the record of it was not written is found', () => {
  const failed = SOURCE['w-aborted'].written;
  assert.ok(caught(planted({ 'w-aborted': { ...SOURCE['w-aborted'], 'write-failed': failed } })));
});

test('a reservation that runs out after `ready` without a record is found', () => {
  const forgets = { to: 'gone' as const, do: ['drop-vm' as const, 'forget' as const] };
  assert.ok(caught(planted({}, { ready: { ...TARGET.ready, deadline: forgets } })));
});

test('a `not-run` that a later `run` overrules is found', () => {
  const keeps = { to: 'not-run' as const, do: ['send-not-run' as const] };
  const rises = { to: 'w-owner' as const, do: ['write-owner' as const] };
  const target = {
    'w-not-run': { ...TARGET['w-not-run'], written: keeps },
    'not-run': { ...TARGET['not-run'], run: rises },
  };
  assert.ok(caught(planted({}, target)));
});

test.run();
