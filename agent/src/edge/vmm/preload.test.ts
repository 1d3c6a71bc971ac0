import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const PRELOAD = fileURLToPath(new URL('../../../native/target/release/libshoal-uffd.so', import.meta.url));
/** Reads at an offset in all their spellings (pread(2), the large-file and the fortified ones of glibc). */
const READ_AT = /^(?:__)?preadv?(?:2|64|64v2)?(?:_chk)?$/;

/** Names of one kind in the dynamic symbol table, without their versions. */
function symbols(kind: '--undefined-only' | '--defined-only', file: string): string[] {
  const lines = execFileSync('nm', ['-D', kind, file], { encoding: 'utf8' }).trim().split('\n');
  return lines.map(line => line.trim().split(/\s+/).at(-1)!.split('@')[0]!);
}

test('the preload stands in for every read at an offset that this QEMU calls, or a disk would write unseen', () => {
  const qemu = execFileSync('which', ['qemu-system-x86_64'], { encoding: 'utf8' }).trim();
  const called = symbols('--undefined-only', qemu).filter(name => READ_AT.test(name));
  const known = symbols('--defined-only', PRELOAD);
  assert.ok(called.length > 0, `${qemu} reads disks`);
  assert.equal(
    called.filter(name => !known.includes(name)),
    [],
  );
});

test.run();
