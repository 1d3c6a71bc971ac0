import { execFileSync } from 'node:child_process';
import { mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { brokenDisk, lostRecords } from './disks.ts';

test('a disk whose file system was damaged is seen, a whole one is not', () => {
  const dir = mkdtempSync(join(tmpdir(), 'shoal-disk-'));
  try {
    const image = join(dir, 'x.img');
    execFileSync('truncate', ['-s', '16M', image]);
    execFileSync('mkfs.ext4', ['-q', '-F', image]);
    assert.equal(brokenDisk('vm', image), []);
    // Bitmaps and inode table of the first group, behind the superblock and its descriptors.
    writeSync(openSync(image, 'r+'), Buffer.alloc(2 ** 18, 0x5a), 0, 2 ** 18, 2 ** 14);
    assert.match(brokenDisk('vm', image)[0]?.what ?? '', 'is not clean');
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('records that a guest had synced and that are gone are seen', () => {
  assert.equal(lostRecords('vm', 5, 5), []);
  assert.match(lostRecords('vm', 5, 4)[0]?.what ?? '', 'had 5 records on its disk, 4 are left');
});

test.run();
