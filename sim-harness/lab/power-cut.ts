/**
 * A disk whose power can be cut: ext4 on a loop device. What ext4 has not handed to the device is in the page cache
 * alone, so a copy of the device's file is what a power failure would leave; mounted, it replays its journal.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SIZE_BYTES = 48 * 2 ** 20;
/** Waits for the end of its input, which comes also when its parent is killed. */
const CLEAN_UP = 'cat > /dev/null; for at in "$0"/*/; do umount "$at"; done; rm -rf "$0"';

export class PowerCutDisk {
  /** Where it is mounted. */
  readonly path: string;
  readonly #dir: string;
  readonly #image: string;
  readonly #cleaner: ChildProcess;
  #cuts = 0;

  /** Needs root. */
  constructor() {
    this.#dir = mkdtempSync(join(tmpdir(), 'shoal-power-cut-'));
    this.#cleaner = spawn('sh', ['-c', CLEAN_UP, this.#dir], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#image = join(this.#dir, 'disk');
    writeFileSync(this.#image, '');
    truncateSync(this.#image, SIZE_BYTES);
    // No write cache of its own, and a journal that is committed only when somebody syncs: nothing is saved by chance.
    execFileSync('mkfs.ext4', ['-q', '-E', 'lazy_itable_init=0,lazy_journal_init=0', this.#image]);
    this.path = this.#mount(this.#image, 'live', 'commit=300');
  }

  /** The power fails now. The path where the disk is after the reboot; the living one goes on, for another cut. */
  cut(): string {
    this.#cuts += 1;
    const image = join(this.#dir, `disk-${this.#cuts}`);
    copyFileSync(this.#image, image);
    return this.#mount(image, `after-${this.#cuts}`);
  }

  async remove(): Promise<void> {
    const gone = once(this.#cleaner, 'exit');
    this.#cleaner.stdin?.end();
    await gone;
  }

  #mount(image: string, name: string, ...options: string[]): string {
    const at = join(this.#dir, name);
    mkdirSync(at);
    execFileSync('mount', ['-o', ['loop', ...options].join(','), image, at]);
    return at;
  }
}
