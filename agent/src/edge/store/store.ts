/**
 * What survives a restart of the agent, in one level database: the incarnation, VM records, decisions, ended
 * handoffs, history. The handoff journal has a file of its own (`edge/handoff/journal.ts`) on the same database.
 * What must not be lost is written with `sync`; history is not worth an fsync a second.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Level } from 'level';
import { ShoalError } from '../../errors.ts';
import { Mender } from './mender.ts';

/** Where a range of keys begins, and ends before, how many of them, and whether from its end. */
export type Range = { from?: string; before?: string; limit?: number; newestFirst?: boolean };

/** What the shelves need of a database: JSON values in named shelves, sorted by their keys. */
export interface Database {
  /** Undefined when there is none. */
  get(shelf: string, key: string): Promise<unknown>;
  /** `sync`: resolves when it, and all that was written before it, is on the disk. Rejects: it may be there or not. */
  put(shelf: string, key: string, value: unknown, sync: boolean): Promise<void>;
  /** Synced. */
  delete(shelf: string, key: string): Promise<void>;
  range(shelf: string, range: Range): Promise<[string, unknown][]>;
  dropBefore(shelf: string, key: string): Promise<void>;
  close(): Promise<void>;
}

/** The real one (leveldb's log and tables). After a write that failed, the next one stands on a whole log again. */
type Sublevel = ReturnType<typeof Level.prototype.sublevel<string, unknown>>;

class LevelDatabase implements Database {
  readonly #shelves = new Map<string, Sublevel>();
  readonly #level: Level<string, unknown>;
  readonly #mender: Mender;

  constructor(level: Level<string, unknown>) {
    this.#level = level;
    this.#mender = new Mender(level);
  }
  get(shelf: string, key: string): Promise<unknown> {
    return this.#mender.read(() => this.#shelf(shelf).get(key));
  }
  // By the root: `sync` is an option of the database, a sublevel's types do not know it.
  put(shelf: string, key: string, value: unknown, sync: boolean): Promise<void> {
    return this.#mender.write(() =>
      this.#level.batch([{ type: 'put', sublevel: this.#shelf(shelf), key, value }], { sync }),
    );
  }
  delete(shelf: string, key: string): Promise<void> {
    return this.#mender.write(() =>
      this.#level.batch([{ type: 'del', sublevel: this.#shelf(shelf), key }], { sync: true }),
    );
  }
  range(shelf: string, { from, before, limit, newestFirst }: Range): Promise<[string, unknown][]> {
    const bounds = {
      ...(from !== undefined && { gte: from }),
      ...(before !== undefined && { lt: before }),
      ...(limit !== undefined && { limit }),
    };
    return this.#mender.read(() =>
      this.#shelf(shelf)
        .iterator({ ...bounds, reverse: newestFirst ?? false })
        .all(),
    );
  }
  dropBefore(shelf: string, key: string): Promise<void> {
    return this.#mender.write(() => this.#shelf(shelf).clear({ lt: key }));
  }
  close(): Promise<void> {
    return this.#mender.close();
  }
  /** Each is made once: Level holds every sublevel until the database is closed, 4 KiB for each operation else. */
  #shelf(name: string): Sublevel {
    const known = this.#shelves.get(name);
    // Closed with the database, when that was opened anew.
    if (known?.status === 'open' || known?.status === 'opening') return known;
    const shelf = this.#level.sublevel<string, unknown>(name, { valueEncoding: 'json' });
    this.#shelves.set(name, shelf);
    return shelf;
  }
}

export async function openDatabase(stateDir: string): Promise<Database> {
  const location = join(stateDir, 'db');
  mkdirSync(location, { recursive: true, mode: 0o700 });
  const db = new Level<string, unknown>(location, { valueEncoding: 'json' });
  try {
    await db.open();
  } catch (error) {
    // `level` says only that it failed; what LevelDB said is the cause.
    const { cause } = error as { cause?: Error & { code?: string } };
    const locked = cause?.code === 'LEVEL_LOCKED';
    throw new ShoalError(
      locked ? 'SHOAL_STORE_LOCKED' : 'SHOAL_STORE_OPEN',
      locked
        ? 'another agent already uses this state directory'
        : `the database does not open: ${cause?.message ?? String(error)}`,
      location,
      locked ? 'Stop it, or give this agent its own node.stateDir' : 'Check the directory and the free space',
      { cause: error },
    );
  }
  return new LevelDatabase(db);
}

/** A typed corner of the database. */
export class Shelf<T> {
  readonly #db: Database;
  readonly #name: string;

  constructor(db: Database, name: string) {
    this.#db = db;
    this.#name = name;
  }
  get(key: string): Promise<T | undefined> {
    return this.#db.get(this.#name, key) as Promise<T | undefined>;
  }
  /** Resolves when the value is on the disk. */
  putSynced(key: string, value: T): Promise<void> {
    return this.#db.put(this.#name, key, value, true);
  }
  put(key: string, value: T): Promise<void> {
    return this.#db.put(this.#name, key, value, false);
  }
  delete(key: string): Promise<void> {
    return this.#db.delete(this.#name, key);
  }
  all(): Promise<[string, T][]> {
    return this.#db.range(this.#name, {}) as Promise<[string, T][]>;
  }
  /** Newest first. */
  async last(limit: number): Promise<T[]> {
    return (await this.before(undefined, limit)).map(([, value]) => value);
  }
  /** Newest first, those before a key; without one the newest of all. */
  before(key: string | undefined, limit: number): Promise<[string, T][]> {
    const range = { limit, newestFirst: true, ...(key !== undefined && { before: key }) };
    return this.#db.range(this.#name, range) as Promise<[string, T][]>;
  }
  since(key: string, limit: number): Promise<[string, T][]> {
    return this.#db.range(this.#name, { from: key, limit }) as Promise<[string, T][]>;
  }
  dropBefore(key: string): Promise<void> {
    return this.#db.dropBefore(this.#name, key);
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
