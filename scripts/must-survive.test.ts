/** `docs/design/must-survive.md` names tests: each of them is there and runs, and each case has one. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sourceFiles } from './tidy.ts';

const CASES = 21;
const root = new URL('..', import.meta.url).pathname;
const page = readFileSync(join(root, 'docs/design/must-survive.md'), 'utf8');
const rows = page.split('\n').filter(line => /^\| \d+ \|/.test(line));
/** What `npm test` runs. */
const files = new Set(sourceFiles().filter(path => path.endsWith('.test.ts')));

const uncommented = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, '');

/** Titles of all calls `test('…', …)` that begin a line, as biome writes them; what a template fills in is "…". */
function titles(text: string): string[] {
  const calls = uncommented(text).matchAll(/^ *test\(\s*(['"`])((?:\\.|(?!\1).)*)\1,/gm);
  return [...calls].map(([, , title = '']) => title.replace(/\$\{[^}]*\}/g, '…').replace(/\\(.)/g, '$1'));
}

/** Where each row of a table in the same file is a test, and what such rows begin with. */
const ROWS = '…: …';
const rowsOf = (text: string): string[] =>
  [...uncommented(text).matchAll(/^(\w[^|`]*?) \|/gm)].map(([, name = '']) => name);

/** Names of all functions of a Rust file with `#[test]` and no other attribute, such as `#[ignore]`. */
function functions(text: string): string[] {
  return [...uncommented(text).matchAll(/(?<!\]\n)^#\[test\]\nfn (\w+)\(\)/gm)].map(([, name = '']) => name);
}

/** Whether a file of `tests/NAME/` is part of that program: `main.rs` names it. */
function isBuilt(path: string): boolean {
  const main = join(root, dirname(path), 'main.rs');
  return existsSync(main) && readFileSync(main, 'utf8').includes(`\nmod ${basename(path, '.rs')};\n`);
}

/** Whether a test of this title is in that file of the repository, and is run. */
function isThere(path: string, title: string): boolean {
  if (!existsSync(join(root, path))) return false;
  const text = readFileSync(join(root, path), 'utf8');
  if (path.endsWith('.rs')) return isBuilt(path) && functions(text).includes(title);
  const known = titles(text);
  const [, row = ''] = title.split('…: ');
  return files.has(path) && (known.includes(title) || (known.includes(ROWS) && rowsOf(text).includes(row)));
}

test('the check finds a test that is there, and misses one that is not', () => {
  const cuts = 'agent/native/page-server/tests/pages/cuts.rs';
  assert.ok(isThere(cuts, 'many_cuts_under_many_faults_lose_no_page'));
  assert.not(isThere('cuts.rs', 'many_cuts_under_many_faults_lose_no_page'));
  assert.not(isThere(cuts, 'many_cuts_lose_no_page'));
  assert.not(isThere(cuts, 'through_a_proxy'), 'no test');
  assert.ok(isThere('scripts/must-survive.test.ts', 'the words of a test are no test'));
  assert.not(isThere('scripts/must-survive.test.ts', 'the words of a test'));
  assert.not(isThere('agent/native/page-server/tests/pages/support/ram.rs', 'page'));
});

test('the words of a test are no test', () => {
  const said =
    "// test('a', f);\n/*\ntest('b', f);\n*/\ntest.skip('c', f);\nconst d = \"test('d', f)\";\nlatest('e', f);";
  assert.equal(titles(said), []);
  const filled = (of: string) => `\`b $\{${of}} c\``;
  assert.equal(titles(`test('a', f);\nfor (const x of y) {\n  test(${filled('x')},\n f);\n}`), [
    'a',
    'b … c',
  ]);
  assert.equal(rowsOf('a row | x |\n# no row | x |\n// none | x |\n'), ['a row']);
  const dead = ['// #[test]\n// fn a() {}', '/*\n#[test]\nfn b() {}\n*/', '#[test]\n#[ignore]\nfn c() {}'];
  assert.equal(functions([...dead, '#[ignore]\n#[test]\nfn d() {}', 'fn e() {}', ''].join('\n')), []);
  assert.equal(functions('#[test]\nfn a() {}\n\n/// Why.\n#[test]\nfn b()\n{}\n'), ['a', 'b']);
});

test('every case that a move must survive names tests, and all of them are there', () => {
  assert.equal(
    rows.map(row => Number(row.split('|')[1])),
    Array.from({ length: CASES }, (_, i) => i + 1),
  );
  for (const row of rows) {
    const cell = row.split('|').at(-2) ?? '';
    const name = /`([\w./-]+\.(?:rs|ts)): ([^`]+)`/g;
    const named = [...cell.matchAll(name)];
    assert.ok(named.length > 0, `case ${row.split('|')[1]} names no test`);
    assert.is(cell.replace(name, '').trim(), '', `case ${row.split('|')[1]}: what is no name of a test`);
    for (const [, path = '', title = ''] of named)
      assert.ok(isThere(path, title), `${path}: ${title} is not there`);
  }
});

test.run();
