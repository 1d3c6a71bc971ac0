import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { staircase } from '../staircase/staircase.ts';
import { Ledger } from './ledger.ts';
import { cellsOf, runCells } from './run-cells.ts';
import { cellOf, QUIET } from './testing.ts';
import type { Experiment, Measured } from './types.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-cells-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

const NOISY = { share: 0.5, cores: [0.5, 0.5] };
const [first = { name: '' }, second = { name: '' }] = staircase.arms;

/** Every cell of it is what `run` says next. */
function experiment(run: (arm: string) => Partial<Measured>): Experiment {
  return { ...staircase, run: async arm => ({ ...cellOf().measured, ...run(arm.name) }) };
}

const wanted = (isQuick: boolean, repetitions = 1) => ({ isQuick, arms: [first, second], repetitions });
const ledger = (name: string) => new Ledger(join(dir, name), 'abc');
const silent = () => undefined;

test('each arm is measured in every repetition, every other one backwards, and nothing twice', async () => {
  const ran: string[] = [];
  const one = experiment(arm => {
    ran.push(arm);
    return { others: QUIET };
  });
  const kept = ledger('turns');
  assert.equal(await runCells(one, wanted(false, 2), kept, silent), []);
  assert.equal(ran, [first.name, second.name, second.name, first.name]);
  await runCells(one, wanted(false, 2), kept, silent);
  assert.is(ran.length, 4);
});

test('a cell that others disturbed is measured again, three times in all; a quick one counts as it is', async () => {
  const noisy = experiment(() => ({ others: NOISY }));
  const [full, quick] = [ledger('noisy'), ledger('quick')];
  await runCells(noisy, wanted(false), full, silent);
  const discarded = cellsOf(noisy, wanted(false), full);
  assert.is(discarded.length, 6);
  assert.ok(discarded.every(cell => cell.discarded !== ''));
  await runCells(noisy, wanted(true), quick, silent);
  assert.equal(
    cellsOf(noisy, wanted(true), quick).map(cell => cell.discarded),
    ['', ''],
  );
});

test('a cell that failed is told, and the others are measured all the same', async () => {
  const broken = experiment(arm => {
    if (arm === first.name) throw new Error('no guest came up');
    return { others: QUIET };
  });
  const kept = ledger('broken');
  const failed = await runCells(broken, wanted(false), kept, silent);
  assert.equal(failed, [`staircase ${first.name} 1: no guest came up`]);
  assert.equal(
    cellsOf(broken, wanted(false), kept).map(cell => cell.arm),
    [second.name],
  );
});

test.run();
