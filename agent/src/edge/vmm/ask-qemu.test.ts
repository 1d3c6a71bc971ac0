import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { askQemu } from './ask-qemu.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-ask-'));
test.after(() => rmSync(dir, { recursive: true }));
const PRELOAD = fileURLToPath(new URL('../../../native/target/release/libshoal-uffd.so', import.meta.url));
const QEMU = 'qemu-system-x86_64';
const root = process.getuid?.() === 0;
const nobody = root ? { uid: 65533, gid: 65533 } : undefined;

function program(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

test('the QEMU that is run here takes what a move by the page server sets, with the preload', async () => {
  const { version, refused, lacks, preload } = await askQemu({
    qemu: QEMU,
    preload: PRELOAD,
    user: undefined,
  });
  assert.match(version, /^\d+\.\d+\.\d+$/);
  assert.equal([refused.postcopy, preload, lacks], ['', '', []]);
  if (root) assert.is(refused['qemu-postcopy'], '');
});

test('a library that cannot be loaded is told, and the answers are still there', async () => {
  const { refused, preload } = await askQemu({ qemu: QEMU, preload: '/none.so', user: undefined });
  assert.match(preload, /\/none\.so.*cannot be preloaded/);
  assert.is(refused.postcopy, '');
});

test('a QEMU of another user says itself why it may not use its own post-copy', async () => {
  const { refused } = await askQemu({ qemu: QEMU, preload: '', user: nobody });
  assert.is(refused.postcopy, '');
  const why = refused['qemu-postcopy'];
  // It may, where the machine lets everybody.
  if (why) assert.match(why, /^Postcopy is not supported: .*not available: Operation not permitted$/i);
});

test('a program that ends, is missing, or says what is no QMP is told in one sentence', async () => {
  const why = (qemu: string) =>
    askQemu({ qemu, preload: '', user: undefined }).then(
      () => 'it answered',
      (error: Error) => error.message,
    );
  assert.is(
    await why(program('ends', 'echo "no such machine" >&2; exit 3')),
    'it ended with 3: no such machine',
  );
  assert.match(await why('qemu-of-nowhere'), /ENOENT/);
  assert.match(await why(program('talks', 'echo hello; exec sleep 9')), /no JSON: hello/);
});

test.run();
