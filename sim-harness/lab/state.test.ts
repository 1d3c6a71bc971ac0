import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkedName, forgetLab, type LabState, labDir, labNames, loadLab, saveLab } from './state.ts';

const NAME = `s${process.pid}`;
const state: LabState = {
  name: NAME,
  owner: { pid: 1, startTicks: '2' },
  driver: 'qemu',
  network: undefined,
  controllers: [],
  nodes: [],
  notes: ['a note'],
};
const code = (wanted: string) => (error: { code: string }) => error.code === wanted;

test.after.each(() => forgetLab(NAME));

test('what a lab made is read back as it was written, until it is forgotten', () => {
  saveLab(state);
  assert.equal(loadLab(NAME), JSON.parse(JSON.stringify(state)));
  assert.ok(labNames().includes(NAME));
  mkdirSync(labDir(NAME), { recursive: true });
  forgetLab(NAME);
  assert.is(loadLab(NAME), undefined);
  assert.not(existsSync(labDir(NAME)));
});

test('a state file that cannot be read is one clear error, never taken for no lab', () => {
  saveLab(state);
  writeFileSync(`${labDir(NAME)}.json`, '{"name":');
  assert.throws(() => loadLab(NAME), code('SHOAL_LAB_STATE'));
});

test('a name that would lead out of the directory of labs is refused before anything is removed', () => {
  for (const name of ['', '.', '..', '../x', 'a/b', 'A', 'a b', '1a', 'a'.repeat(13)]) {
    assert.throws(() => checkedName(name), code('SHOAL_LAB_ARGS'), name);
    assert.throws(() => forgetLab(name), code('SHOAL_LAB_ARGS'), name);
  }
  assert.is(checkedName('demo2'), 'demo2');
});

test.run();
