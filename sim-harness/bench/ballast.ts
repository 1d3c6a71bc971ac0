/**
 * A virtual machine's host takes back what its guest leaves free (free page reporting of virtio-balloon, two seconds later), and the
 * next touch of such a page costs some µs there, several times what a page server does for it, and nobody here is told. So a bench
 * holds as much memory as a target is about to fill, and lets go of it when the move begins.
 */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';

const PIECE = Buffer.alloc(1 << 20);

export class Ballast {
  readonly #path: string;
  readonly #mib: number;

  /** `dir`: on a tmpfs; what is left there goes with it. */
  constructor(dir: string, mib: number) {
    this.#path = join(dir, 'ballast');
    this.#mib = mib;
  }

  async take(): Promise<void> {
    const file = await open(this.#path, 'w', 0o600);
    try {
      for (let i = 0; i < this.#mib; i++) await file.write(PIECE, 0, PIECE.length, i * PIECE.length);
    } finally {
      await file.close();
    }
  }

  /** Who asks for memory next gets this. */
  drop(): Promise<void> {
    return rm(this.#path, { force: true });
  }
}
