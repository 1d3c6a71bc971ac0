/** `docs/design/must-survive.md` names tests: each of them is there, and each case has one. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sourceFiles } from './tidy.ts';

const CASES = 19;
const root = new URL('..', import.meta.url).pathname;
const page = readFileSync(join(root, 'docs/design/must-survive.md'), 'utf8');
const rows = page.split('\n').filter(line => /^\| \d+ \|/.test(line));

const rust = readdirSync(join(root, 'agent/native'), { recursive: true, encoding: 'utf8' })
  .filter(path => path.endsWith('.rs') && !path.startsWith('target'))
  .map(path => join('agent/native', path));
const tests = [...sourceFiles(), ...rust];

/** Whether a test of this title is in a file of this name. */
function isThere(file: string, title: string): boolean {
  const texts = tests
    .filter(path => basename(path) === file)
    .map(path => readFileSync(join(root, path), 'utf8'));
  if (file.endsWith('.rs')) return texts.some(text => text.includes(`#[test]\nfn ${title}()`));
  const parts = title.split('…');
  return texts.some(text => text.split('\n').some(line => parts.every(part => line.includes(part))));
}

test('the check finds a test that is there, and misses one that is not', () => {
  assert.ok(isThere('cuts.rs', 'many_cuts_under_many_faults_lose_no_page'));
  assert.not(isThere('cuts.rs', 'many_cuts_lose_no_page'));
  assert.not(isThere('cuts.rs', 'through_a_proxy'));
  assert.not(isThere('pages.test.ts', 'a page server of nobody'));
});

test('every case that a move must survive names tests, and all of them are there', () => {
  assert.equal(
    rows.map(row => Number(row.split('|')[1])),
    Array.from({ length: CASES }, (_, i) => i + 1),
  );
  for (const row of rows) {
    const cell = row.split('|').at(-2) ?? '';
    const named = [...cell.matchAll(/`([\w.-]+): ([^`]+)`/g)];
    assert.ok(named.length > 0, `case ${row.split('|')[1]} names no test`);
    for (const [, file = '', title = ''] of named)
      assert.ok(isThere(file, title), `${file}: ${title} is not there`);
  }
});

test.run();
