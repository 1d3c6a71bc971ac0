/**
 * A disk whose power can be cut: ext4 on a loop device. What ext4 has not handed to the device is in the page cache
 * alone, so a copy of the device's file is what a power failure would leave; mounted, it replays its journal.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleaner } from './cleaner.ts';

const SIZE_BYTES = 48 * 2 ** 20;
const CLEAN_UP = 'for at in "$1"/*/; do umount "$at" || umount -l "$at"; done; rm -rf "$1"';

export class PowerCutDisk {
  /** Where it is mounted. */
  readonly path: string;
  readonly #dir: string;
  readonly #image: string;
  /** Unmounts everything and removes the disk. */
  readonly remove: () => Promise<void>;
  #cuts = 0;

  /** Needs root. */
  constructor() {
    this.#dir = mkdtempSync(join(tmpdir(), 'shoal-power-cut-'));
    this.remove = cleaner(CLEAN_UP, this.#dir);
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

  #mount(image: string, name: string, ...options: string[]): string {
    const at = join(this.#dir, name);
    mkdirSync(at);
    execFileSync('mount', ['-o', ['loop', ...options].join(','), image, at]);
    return at;
  }
}
