import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const dir = mkdtempSync(join(tmpdir(), 'shoal-main-'));
test.after(() => rmSync(dir, { recursive: true }));

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
function shoald(...args: string[]): { code: number | null; out: string; note: string } {
  const command = ['--conditions=source', '--import', 'tsx', MAIN, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  return { code: status, out: stdout, note: stderr };
}
const config = (text: string): string => {
  const file = join(dir, 'shoal.yaml');
  writeFileSync(file, text);
  return file;
};

test('an argument that is wrong is told in one line, with exit code 2', () => {
  for (const args of [['--bogus'], ['extra'], ['--config']]) {
    const { code, note } = shoald(...args);
    assert.is(code, 2, args.join());
    assert.match(note, /^shoald: .*See --help\n$/);
    assert.is(note.trimEnd().split('\n').length, 1, note);
  }
});

test('a configuration with three faults is told whole, by line and key, and nothing is started', () => {
  const file = config(`mode: autos\nhttps: {}\nnode: { stateDir: ${dir}/state }\nwindowMs: soon\n`);
  const { code, note } = shoald('--config', file);
  assert.is(code, 2);
  for (const words of ['3 faults', ':1: mode:', ':2: https: no such key', ':4: windowMs:'])
    assert.ok(note.includes(words), note);
  assert.is(statSync(join(dir, 'state'), { throwIfNoEntry: false }), undefined);
});

test('a configuration that is not there is told by its path', () => {
  const { code, note } = shoald('--config', join(dir, 'none.yaml'));
  assert.is(code, 2);
  assert.match(note, /^shoald: the configuration does not exist \(.*none\.yaml\)\. Write it/);
});

test('--init makes the key of a node once, closed to others, and prints the same id again', () => {
  const file = config(`node: { stateDir: ${dir}/state }\n`);
  const first = shoald('--config', file, '--init');
  assert.is(first.code, 0, first.note);
  assert.match(first.out, /^\{"peerId":"12D3KooW\w+"\}\n$/);
  assert.is(statSync(join(dir, 'state', 'identity.key')).mode & 0o777, 0o600);
  assert.is(shoald('--config', file, '--init').out, first.out);
});

test.run();
