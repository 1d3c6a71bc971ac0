/** Fills a file system to its last block, and frees it again. */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const NAME = 'filler';
/** Large pieces first: the last ones fill what the large ones left. */
const PIECES = [2 ** 20, 2 ** 16, 2 ** 12];

export function fill(dir: string): void {
  const file = openSync(join(dir, NAME), 'a');
  try {
    for (const bytes of PIECES) while (wrote(file, Buffer.alloc(bytes, 1)));
  } finally {
    closeSync(file);
  }
}

/** False when not all of it fitted. */
function wrote(file: number, piece: Buffer): boolean {
  try {
    return writeSync(file, piece) === piece.length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}

export const free = (dir: string): void => rmSync(join(dir, NAME), { force: true });
