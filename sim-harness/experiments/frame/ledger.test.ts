import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commitOf, Ledger } from './ledger.ts';
import { cellOf } from './testing.ts';

const dirs: string[] = [];
const fresh = (): string => {
  const dir = mkdtempSync(join(tmpdir(), 'shoal-ledger-'));
  dirs.push(dir);
  return dir;
};
test.after(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});

test('a cell that is kept is read again, whole, by the next run of the same commit and by no other', () => {
  const dir = fresh();
  const cell = cellOf({ figures: { detectS: 7.25 } });
  new Ledger(dir, 'abc').keep(cell);
  assert.equal(new Ledger(dir, 'abc').cells('staircase', false), [cell]);
  assert.equal(new Ledger(dir, 'abd').cells('staircase', false), []);
  assert.equal(new Ledger(dir, 'abc').cells('compile', false), []);
});

test('quick cells are kept apart: they are no evidence', () => {
  const ledger = new Ledger(fresh(), 'abc');
  ledger.keep(cellOf({ isQuick: true }));
  assert.is(ledger.cells('staircase', false).length, 0);
  assert.is(ledger.cells('staircase', true).length, 1);
});

test('every try of a cell that was discarded stays beside the one that counts', () => {
  const ledger = new Ledger(fresh(), 'abc');
  for (const discarded of ['others used 20 % of the cores', 'others used 30 % of the cores', ''])
    ledger.keep(cellOf({ discarded }));
  const kept = ledger.cells('staircase', false).map(cell => cell.discarded);
  assert.equal(kept.sort(), ['', 'others used 20 % of the cores', 'others used 30 % of the cores']);
});

test('a file that is no cell is named, and nothing is left out in silence', () => {
  const dir = fresh();
  const ledger = new Ledger(dir, 'abc');
  ledger.keep(cellOf());
  writeFileSync(join(dir, 'abc', 'staircase', 'postcopy.2.json'), '{"experiment":');
  assert.throws(
    () => ledger.cells('staircase', false),
    (error: { where?: string }) => error.where?.endsWith('postcopy.2.json') === true,
  );
});

test('half a cell is never seen: it has its name when it is whole', () => {
  const dir = fresh();
  new Ledger(dir, 'abc').keep(cellOf());
  assert.equal(readdirSync(join(dir, 'abc', 'staircase')), ['postcopy.1.json']);
});

test('what is not committed is another program: its cells have a name of their own', () => {
  const root = fresh();
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd: root, stdio: 'pipe' });
  git('init', '-q');
  writeFileSync(join(root, 'a'), '1');
  git('add', 'a');
  git('commit', '-qm', 'a');
  const clean = commitOf(root);
  assert.match(clean, /^[0-9a-f]{12}$/);
  writeFileSync(join(root, 'a'), '2');
  const changed = commitOf(root);
  assert.match(changed, new RegExp(`^${clean}-[0-9a-f]{8}$`));
  writeFileSync(join(root, 'a'), '3');
  assert.is.not(commitOf(root), changed);
});

test('pages, tests and the report change nothing that is measured: cells of the commit before still count', () => {
  const root = fresh();
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd: root, stdio: 'pipe' });
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  git('init', '-q');
  write('agent/a.ts', '1');
  git('add', '.');
  git('commit', '-qm', 'a');
  const before = commitOf(root);
  const apart = [
    'docs/a/b.svg',
    'README.md',
    'agent/b.md',
    'agent/a.test.ts',
    'sim-harness/experiments/report/html.ts',
  ];
  for (const path of apart) write(path, '1');
  assert.is(commitOf(root), before);
  git('add', '.');
  git('commit', '-qm', 'b');
  assert.is(commitOf(root), before);
  write('agent/c.ts', '1');
  git('add', '.');
  git('commit', '-qm', 'c');
  assert.match(commitOf(root), /^[0-9a-f]{12}$/);
  assert.is.not(commitOf(root), before);
});

test('where there is no git the error says what is wanted', () => {
  const root = fresh();
  assert.throws(
    () => commitOf(root),
    (error: { todo?: string }) => /cells are kept by commit/.test(error.todo ?? ''),
  );
});

test.run();
