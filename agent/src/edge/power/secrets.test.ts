import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readSecret } from './secrets.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-secret-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));
let files = 0;
const file = (text: string, mode = 0o600): string => {
  files += 1;
  const path = join(dir, `s${files}`);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
};
const fault = (path: string, script = ''): Promise<string> =>
  readSecret(path, script).then(
    () => '',
    error => `${error.code} ${error.message}`,
  );

test('a password is the one line of a file that nobody else may read', async () => {
  assert.is(await readSecret(file('P@ss word 1\n'), ''), 'P@ss word 1');
  assert.is(await readSecret(file('no-end-of-line', 0o400), ''), 'no-end-of-line');
});

test('one that others may read is refused, with the mend', async () => {
  for (const mode of [0o640, 0o604, 0o666])
    assert.match(await fault(file('x', mode)), 'SHOAL_AMT_SECRET others may read it');
});

test('what is no password is refused without being told', async () => {
  for (const text of ['', '\n', 'two\nlines', 'ünïcode', 'x'.repeat(300)]) {
    const said = await fault(file(text));
    assert.match(said, 'SHOAL_AMT_SECRET');
    if (text.length > 3) assert.not.match(said, text.trim());
  }
  assert.match(await fault(join(dir, 'none')), 'SHOAL_AMT_SECRET');
});

test('a program may print it; when it fails, what it printed is not told', async () => {
  const script = file('#!/bin/sh\necho from-a-program\n', 0o700);
  assert.is(await readSecret('', script), 'from-a-program');
  const broken = file('#!/bin/sh\necho half-a-secret\nexit 3\n', 0o700);
  const said = await fault('', broken);
  assert.match(said, 'SHOAL_AMT_SECRET it ended with 3');
  assert.not.match(said, 'half-a-secret');
});

test.run();
