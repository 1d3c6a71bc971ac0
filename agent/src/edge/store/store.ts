/**
 * What survives a restart of the agent, in one level database: the incarnation, VM records, decisions, ended
 * handoffs, history. The handoff journal has a file of its own (`edge/handoff/journal.ts`) on the same database.
 * What must not be lost is written with `sync`; history is not worth an fsync a second.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Level } from 'level';
import { ShoalError } from '../../errors.ts';

export type Database = Level<string, unknown>;

export async function openDatabase(stateDir: string): Promise<Database> {
  const location = join(stateDir, 'db');
  mkdirSync(location, { recursive: true, mode: 0o700 });
  const db: Database = new Level(location, { valueEncoding: 'json' });
  try {
    await db.open();
  } catch (error) {
    const locked = (error as { cause?: { code?: string } }).cause?.code === 'LEVEL_LOCKED';
    throw new ShoalError(
      locked ? 'SHOAL_STORE_LOCKED' : 'SHOAL_STORE_OPEN',
      locked
        ? 'another agent already uses this state directory'
        : `the database does not open: ${String(error)}`,
      location,
      locked ? 'Stop it, or give this agent its own node.stateDir' : 'Check the directory and the free space',
      { cause: error },
    );
  }
  return db;
}

/** A typed corner of the database. */
export class Shelf<T> {
  readonly #db: Database;
  readonly #level;
  constructor(db: Database, name: string) {
    this.#db = db;
    this.#level = db.sublevel<string, T>(name, { valueEncoding: 'json' });
  }
  get(key: string): Promise<T | undefined> {
    return this.#level.get(key);
  }
  /** Resolves when the value is on the disk. */
  async putSynced(key: string, value: T): Promise<void> {
    // By the root: `sync` is an option of the database, a sublevel's types do not know it.
    await this.#db.batch<string, T>([{ type: 'put', sublevel: this.#level, key, value }], { sync: true });
  }
  async put(key: string, value: T): Promise<void> {
    await this.#level.put(key, value);
  }
  async delete(key: string): Promise<void> {
    await this.#db.batch<string, T>([{ type: 'del', sublevel: this.#level, key }], { sync: true });
  }
  async all(): Promise<[string, T][]> {
    return this.#level.iterator().all();
  }
  /** Newest first. */
  async last(limit: number): Promise<T[]> {
    return this.#level.values({ reverse: true, limit }).all();
  }
  async since(key: string, limit: number): Promise<[string, T][]> {
    return this.#level.iterator({ gte: key, limit }).all();
  }
  async dropBefore(key: string): Promise<void> {
    await this.#level.clear({ lt: key });
  }
}

/** Keys that sort by time: wall-clock ms, padded to the year 33658. */
export const timeKey = (wallMs: number): string => String(Math.floor(wallMs)).padStart(15, '0');

/** One higher at each start, on the disk before it is used (authority.md, Time). */
export async function nextIncarnation(db: Database): Promise<number> {
  const shelf = new Shelf<number>(db, 'meta');
  const next = ((await shelf.get('incarnation')) ?? 0) + 1;
  await shelf.putSynced('incarnation', next);
  return next;
}
