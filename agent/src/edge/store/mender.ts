/**
 * A database whose write failed is opened anew before it is written again. LevelDB appends to its log: where a disk was
 * full, half a record stays in it, and what is written behind that is acknowledged and read back from memory, yet
 * dropped by the next start (leveldb doc/log_format.md; *seen*: a `committed` that was gone after the agent's restart,
 * and the VM ran twice). Opening anew keeps what is whole and begins a new log.
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Level } from 'level';

/** Opening writes a table and a new log: with less room than this it would only fail, and leave nothing to read from. */
const ROOM_BYTES = 2 ** 20;

export class Mender {
  readonly #level: Level<string, unknown>;
  #turn: Promise<unknown> = Promise.resolve();
  #mending: Promise<void> = Promise.resolve();
  #broken = false;
  #ended = false;

  constructor(level: Level<string, unknown>) {
    this.#level = level;
  }

  /** One after the other: what is written beside a failing write lies behind its half record too. */
  write<T>(operation: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(async () => {
      if (this.#broken) await this.#mend();
      try {
        return await operation();
      } catch (error) {
        this.#broken = true;
        throw error;
      }
    });
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async read<T>(operation: () => Promise<T>): Promise<T> {
    await this.#mending;
    return operation();
  }

  /** For good: what is written later fails, and opens nothing again. */
  close(): Promise<void> {
    this.#ended = true;
    const closed = this.#turn.then(() => this.#level.close());
    this.#turn = closed.catch(() => undefined);
    return closed;
  }

  /** Rejects while there is no room. */
  async #mend(): Promise<void> {
    const mended = this.#reopen();
    this.#mending = mended.catch(() => undefined);
    await mended;
  }

  async #reopen(): Promise<void> {
    if (this.#ended) return; // the operation itself says that it is closed
    await this.#room();
    if (this.#level.status === 'open') await this.#level.close();
    await this.#level.open();
    this.#broken = false;
  }

  async #room(): Promise<void> {
    // Where LevelDB's own files are; a name that is none of its own it leaves alone.
    const file = join(this.#level.location, 'room');
    try {
      await writeFile(file, Buffer.alloc(ROOM_BYTES));
    } finally {
      await rm(file, { force: true });
    }
  }
}
