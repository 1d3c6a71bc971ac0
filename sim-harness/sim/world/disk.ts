/**
 * The database of a node on a disk that fails: what is visible and what is durable are kept apart. Real shelves
 * (`edge/store`) stand on it; `disk.test.ts` holds it to what the real database does.
 */
import type { Database, Range } from '@shoal/agent/edge/store/store';

/** What becomes of a synced write. Only `ok` is told as done; `hidden` and `kept` are the ambiguous ones. */
export type WriteFate =
  | 'ok'
  /** Nothing of it is anywhere. */
  | 'failed'
  /** Perhaps read by who opens the database next; gone after a power failure before its next sync. */
  | 'hidden'
  /** On the disk, though it was told as failed. */
  | 'kept'
  /** Planted, never by chance: told as done, and not on the disk. */
  | 'unsynced';

type Op = { shelf: string; key: string; value: string | undefined };
type Shelves = Map<string, Map<string, string>>;

export class Disk {
  readonly #visible: Shelves = new Map();
  readonly #durable: Shelves = new Map();
  /** Visible and not durable, oldest first: the tail of the log that the kernel still holds. */
  #pending: Op[] = [];
  /** Of failed writes that may be read once the database is opened again. */
  #surfacing: Op[] = [];
  readonly #surfaces: () => boolean;

  /** `surfaces`: whether such a write is there. */
  constructor(surfaces: () => boolean) {
    this.#surfaces = surfaces;
  }

  read(shelf: string, key: string): unknown {
    return parsed(this.#visible.get(shelf)?.get(key));
  }

  rows(shelf: string): [string, unknown][] {
    return sorted(this.#visible.get(shelf)).map(([key, value]) => [key, parsed(value)]);
  }

  put(shelf: string, key: string, value: unknown): void {
    this.reopen();
    this.#write({ shelf, key, value: JSON.stringify(value) });
  }

  /** The log of the database is written in order: a sync makes all before it durable. */
  sync(op: { shelf: string; key: string; value?: unknown }, fate: WriteFate): void {
    this.reopen();
    const write: Op = {
      shelf: op.shelf,
      key: op.key,
      value: op.value === undefined ? undefined : JSON.stringify(op.value),
    };
    if (fate === 'failed') return;
    if (fate === 'hidden') {
      this.#surfacing.push(write);
      return;
    }
    this.#write(write);
    if (fate !== 'unsynced') this.#flush();
  }

  dropBefore(shelf: string, end: string): void {
    for (const key of [...(this.#visible.get(shelf)?.keys() ?? [])])
      if (key < end) this.#write({ shelf, key, value: undefined });
  }

  /** A new life of the agent, or the first write after a failed one (`edge/store/mender.ts`): the log is read again. */
  reopen(): void {
    const found = this.#surfacing;
    this.#surfacing = [];
    for (const op of found) if (this.#surfaces()) this.#write(op);
  }

  /** The node lost power: of what was not synced the first `kept` writes are there, a torn one is thrown away. */
  powerCut(share: number): { lost: number } {
    const kept = Math.floor(this.#pending.length * share);
    for (const op of this.#pending.slice(0, kept)) apply(this.#durable, op);
    const lost = this.#pending.length - kept;
    this.#pending = [];
    this.#surfacing = [];
    this.#visible.clear();
    for (const [shelf, rows] of this.#durable) this.#visible.set(shelf, new Map(rows));
    return { lost };
  }

  #write(op: Op): void {
    apply(this.#visible, op);
    this.#pending.push(op);
  }

  #flush(): void {
    for (const op of this.#pending) apply(this.#durable, op);
    this.#pending = [];
  }
}

const parsed = (text: string | undefined): unknown => (text === undefined ? undefined : JSON.parse(text));

const sorted = (rows: Map<string, string> | undefined): [string, string][] =>
  [...(rows ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));

function apply(shelves: Shelves, { shelf, key, value }: Op): void {
  const rows = shelves.get(shelf) ?? new Map<string, string>();
  shelves.set(shelf, rows);
  if (value === undefined) rows.delete(key);
  else rows.set(key, value);
}

/** How an agent's call to its disk is carried out: in its own time, and never for an agent that has ended. */
export type Call = <T>(what: string, work: () => T) => Promise<T>;

/** `fate` is asked for every synced write; `seen` hears of each that was told as done. */
export function diskDatabase(
  disk: Disk,
  call: Call,
  fate: (shelf: string, key: string, value: unknown) => WriteFate,
  seen: (shelf: string, key: string, value: unknown) => void,
): Database {
  const synced = (shelf: string, key: string, value: unknown) =>
    call(`sync ${shelf}`, () => {
      const become = fate(shelf, key, value);
      disk.sync({ shelf, key, value }, become);
      if (become !== 'ok' && become !== 'unsynced') throw new Error('input/output error');
      seen(shelf, key, value);
    });
  return {
    get: (shelf, key) => call(`read ${shelf}`, () => disk.read(shelf, key)),
    put: (shelf, key, value, sync) =>
      sync ? synced(shelf, key, value) : call(`put ${shelf}`, () => disk.put(shelf, key, value)),
    delete: (shelf, key) => synced(shelf, key, undefined),
    range: (shelf, range) => call(`read ${shelf}`, () => between(disk.rows(shelf), range)),
    dropBefore: (shelf, key) => call(`drop ${shelf}`, () => disk.dropBefore(shelf, key)),
    close: () => call('close', () => undefined),
  };
}

function between(
  rows: [string, unknown][],
  { from, before, limit, newestFirst }: Range,
): [string, unknown][] {
  const found = rows.filter(
    ([key]) => (from === undefined || key >= from) && (before === undefined || key < before),
  );
  return (newestFirst ? found.reverse() : found).slice(0, limit);
}
