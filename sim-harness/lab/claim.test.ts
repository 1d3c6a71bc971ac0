import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { claimFile, claimName, releaseName } from './claim.ts';
import { stateFile } from './state.ts';

const NAME = `c${process.pid}`;
const OTHER = mkdtempSync(join(tmpdir(), 'shoal-claim-'));
const taken = (error: { code: string; message: string }) =>
  error.code === 'SHOAL_LAB_RUNS' && error.message.includes(OTHER);

test.after.each(() => {
  releaseName(NAME, OTHER);
  releaseName(NAME);
});
test.after(() => rmSync(OTHER, { recursive: true }));

test('a lab that another checkout makes is not taken for a leftover', () => {
  claimName(NAME, OTHER);
  assert.throws(() => claimName(NAME), taken);
  releaseName(NAME);
  assert.throws(() => claimName(NAME), taken, 'a claim of another checkout is not released');
  releaseName(NAME, OTHER);
  claimName(NAME);
});

test('a lab that another checkout left running keeps its name after the process that made it has ended', () => {
  const file = stateFile(NAME, OTHER);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '{}');
  const ended = { pid: process.pid, startTicks: '1' };
  writeFileSync(claimFile(NAME), JSON.stringify({ checkout: OTHER, by: ended }));
  assert.throws(() => claimName(NAME), taken);
  rmSync(file);
  assert.not.throws(() => claimName(NAME), 'it is nobody’s any more');
});

test('a name can be claimed again by its own checkout', () => {
  claimName(NAME);
  assert.not.throws(() => claimName(NAME));
});

test.run();
