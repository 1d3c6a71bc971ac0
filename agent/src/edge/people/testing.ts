/** For tests alone: people over a database in memory, in a time of their own, for servers whose disk does not matter. */
import type { Log } from '../mesh/types.ts';
import type { Database, Range } from '../store/store.ts';
import { Audit } from './audit.ts';
import { Gate } from './gate.ts';
import { People } from './people.ts';
import { Tokens } from './tokens.ts';

export class MemoryDatabase implements Database {
  readonly #shelves = new Map<string, Map<string, unknown>>();
  /** When set, writes fail with it. */
  full: Error | undefined;

  async get(shelf: string, key: string): Promise<unknown> {
    return this.#shelf(shelf).get(key);
  }
  async put(shelf: string, key: string, value: unknown): Promise<void> {
    if (this.full) throw this.full;
    this.#shelf(shelf).set(key, structuredClone(value));
  }
  async delete(shelf: string, key: string): Promise<void> {
    this.#shelf(shelf).delete(key);
  }
  async range(shelf: string, { from = '', before, limit, newestFirst }: Range): Promise<[string, unknown][]> {
    const within = ([key]: [string, unknown]) => key >= from && (before === undefined || key < before);
    const rows = [...this.#shelf(shelf)].filter(within).sort(([a], [b]) => (a < b ? -1 : 1));
    return (newestFirst ? rows.reverse() : rows).slice(0, limit);
  }
  async dropBefore(shelf: string, before: string): Promise<void> {
    for (const key of this.#shelf(shelf).keys()) if (key < before) this.#shelf(shelf).delete(key);
  }
  async close(): Promise<void> {}

  #shelf(name: string): Map<string, unknown> {
    const shelf = this.#shelves.get(name) ?? new Map<string, unknown>();
    this.#shelves.set(name, shelf);
    return shelf;
  }
}

export type TestPeople = { people: People; db: MemoryDatabase; time: { ms: number } };

export function testPeople(log: Log, nodeName = 'node0', auditRows?: number): TestPeople {
  const db = new MemoryDatabase();
  const time = { ms: 1_700_000_000_000 };
  const clock = { nowMs: () => time.ms, wallMs: () => time.ms };
  const tokens = new Tokens(db, clock);
  const audit = new Audit(db, clock, auditRows);
  const people = new People({ gate: new Gate(tokens, log, clock), tokens, audit, log, nodeName });
  return { people, db, time };
}
