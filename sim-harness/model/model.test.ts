import { sourceMachine, targetMachine } from '@shoal/agent/core/handoff/machines';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { repositoryRoot } from '../guest/root.ts';
import { checkEngine, checkPlant } from './check.ts';
import { ENGINES } from './engines.ts';
import { PLANTS } from './plants.ts';
import { quickOf } from './searches.ts';
import { judged, steps, worldText } from './spin.ts';

const LIMITS = { memoryMb: 1000, seconds: 240 };
const world = await worldText(repositoryRoot());

for (const engine of ENGINES) {
  test(`${engine}: in every order of some faults a VM is never on two nodes, and ends on exactly one`, async () => {
    const checked = await checkEngine(engine, quickOf(engine), world, LIMITS);
    assert.is(checked.outcome, 'holds', [checked.fault, ...checked.trail].join('\n'));
    assert.ok(checked.states > 500_000, `only ${checked.states} states: the model has shrunk`);
  });
}

test('warm needs no search of its own: it has the very tables of postcopy', () => {
  for (const of of [sourceMachine, targetMachine]) {
    const [warm, postcopy] = [of('warm'), of('postcopy')];
    assert.is(warm.table, postcopy.table);
    assert.is(warm.recover, postcopy.recover);
  }
});

/** The quickest of each kind; `npm run model -- --plants` plants them all. */
const SOME = [
  'commit-without-postmigrate',
  'expiry-after-ready',
  'ram-freed-before-transferred',
  'reservation-leaked',
];
for (const name of SOME) {
  test(`the planted fault ${name} is found`, async () => {
    const plant = PLANTS.find(p => p.name === name);
    assert.ok(plant);
    const checked = await checkPlant(plant, world, LIMITS);
    assert.is(checked.outcome, 'broken', plant.what);
    assert.ok(checked.trail.length > 3, 'the run that shows it is told');
  });
}

test('planted faults have names of their own, each with the faults that show it', () => {
  assert.is(new Set(PLANTS.map(p => p.name)).size, PLANTS.length);
  assert.ok(PLANTS.length >= 10);
});

test('a search that was cut off by memory or time does not count as one that holds', () => {
  const summed = 'State-vector 52 byte, depth reached 9, errors: 0\n  7 states, stored\n';
  assert.is(judged(summed, false, 1).outcome, 'holds');
  assert.is(judged(`pan: reached -DMEMLIM bound\n${summed}`, false, 1).outcome, 'bounded');
  assert.is(judged(`error: max search depth too small\n${summed}`, false, 1).outcome, 'bounded');
  const progress = 'Depth=     348 States=    1e+06 Transitions=  4.7e+06\n';
  assert.equal([judged(progress, true, 1).outcome, judged(progress, true, 1).states], ['bounded', 1_000_000]);
  assert.is(judged(summed.replace('errors: 0', 'errors: 1'), false, 1).outcome, 'broken');
  assert.throws(() => judged('Segmentation fault', false, 1), /said nothing/);
});

test('a run that breaks a rule is told in the words of the tables', () => {
  const replay = '   S: offered --accept--> w-preparing\n  5: proc 0 (world:1) m.pml:9\n\t\tqS = 1\n';
  assert.equal(steps(replay), ['S: offered --accept--> w-preparing']);
});

test.run();
