/**
 * Who changed what, when, from where, and what came of it: a row a change, on the disk before anything is done and again
 * before it is answered, on the node that was asked and on the one that carried it out. Requests without a valid token
 * are no rows: strangers must not be able to fill the log.
 */
import { ShoalError } from '../../errors.ts';
import type { Time } from '../clock.ts';
import { type Database, Shelf } from '../store/store.ts';
import { AuditShares } from './audit-shares.ts';

export type AuditRow = {
  /** Counts the rows of this node from 1. */
  seq: number;
  /** Wall clock of this node. */
  atMs: number;
  /** `token:<id>` or `socket:<name as the caller gave it>`. */
  who: string;
  /** Name of the token; empty without. */
  name: string;
  /** Address, `unix socket`, or the node that forwarded it. */
  from: string;
  /** `stop`, `migrate`, `token-create`, … */
  what: string;
  /** VM, node or token; empty = this node. */
  subject: string;
  /** The node that was to carry it out. */
  node: string;
  /** The same in both logs when it was forwarded; else empty. */
  request: string;
  /** `asked`: under way, or the agent ended in the middle. */
  result: 'asked' | 'done' | 'refused' | 'failed';
  /** Of the error, empty when done. */
  code: string;
  /** The error's sentence; when done, what only the outcome says: the id of a token. */
  detail: string;
};

export type Asking = Omit<AuditRow, 'seq' | 'atMs' | 'result' | 'code' | 'detail'>;
export type Outcome = Pick<AuditRow, 'result' | 'code' | 'detail'>;

const RETENTION_MS = 90 * 86_400_000;
/** Some 40 MB at the most; a change a minute for 70 days. */
const ROWS_MAX = 100_000;
/**
 * Of these rows one token may hold so much; then its own oldest go. Whoever steals a token could otherwise wash out the traces
 * of another in a day of refused changes. The socket has no share: who may use it can do anything.
 */
const TOKEN_SHARE = 0.25;
const SWEEP_EVERY_MS = 3_600_000;
/** Read at once while old rows are looked for. */
const PAGE_ROWS = 200;
/** A sentence from elsewhere is cut to this. */
const TEXT_MAX = 256;

/** Sorts as the numbers do. */
const keyOf = (seq: number): string => String(seq).padStart(12, '0');

const cut = (row: AuditRow): AuditRow =>
  Object.fromEntries(
    Object.entries(row).map(([key, value]) => [
      key,
      typeof value === 'string' ? value.slice(0, TEXT_MAX) : value,
    ]),
  ) as AuditRow;

export class Audit {
  readonly #shelf: Shelf<AuditRow>;
  readonly #time: Time;
  readonly #rowsMax: number;
  #seq = 0;
  /** Unknown until the first change of this life. */
  #held: AuditShares | undefined;
  #turn: Promise<void> = Promise.resolve();
  #sweptAtMs = Number.NEGATIVE_INFINITY;
  #sweptAtSeq = 0;

  constructor(db: Database, time: Time, rowsMax = ROWS_MAX) {
    this.#shelf = new Shelf<AuditRow>(db, 'audit');
    this.#time = time;
    this.#rowsMax = rowsMax;
  }

  async open(): Promise<void> {
    this.#seq = (await this.#shelf.last(1))[0]?.seq ?? 0;
    this.#sweptAtSeq = this.#seq;
  }

  /** Resolves when the row is on the disk. Rejects with SHOAL_AUDIT: then nothing may be done. */
  async begin(asking: Asking): Promise<AuditRow> {
    try {
      await this.#inTurn(() => this.#makeRoom(asking.who));
      this.#seq += 1;
      const row = cut({
        seq: this.#seq,
        atMs: Math.floor(this.#time.wallMs()),
        ...asking,
        result: 'asked',
        code: '',
        detail: '',
      });
      await this.#shelf.putSynced(keyOf(row.seq), row);
      this.#held?.added(row.who, keyOf(row.seq));
      return row;
    } catch (cause) {
      const what = `the audit log cannot be written: ${(cause as Error).message}`;
      const todo = 'Nothing was done. Check the free space below node.stateDir';
      throw new ShoalError('SHOAL_AUDIT', what, asking.what, todo, { cause });
    }
  }

  async end(row: AuditRow, outcome: Outcome): Promise<void> {
    await this.#shelf.putSynced(keyOf(row.seq), cut({ ...row, ...outcome }));
  }

  /** Newest first. */
  last(limit: number): Promise<AuditRow[]> {
    return this.#shelf.last(limit);
  }

  /** One after the other: two must not both count or drop the same rows. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #makeRoom(who: string): Promise<void> {
    this.#held ??= await this.#count();
    await this.#sweep(this.#held);
    await this.#keepToShare(this.#held, who);
  }

  async #count(): Promise<AuditShares> {
    const held = new AuditShares();
    for (let from = ''; ; ) {
      const page = await this.#shelf.since(from, PAGE_ROWS);
      for (const [key, { who }] of page) held.added(who, key);
      const last = page.at(-1);
      if (!last) return held;
      from = keyOf(last[1].seq + 1);
    }
  }

  /** Rows past their time, and those that are too many. Now and then: each look reads from the disk. */
  async #sweep(held: AuditShares): Promise<void> {
    const nowMs = this.#time.nowMs();
    const often = Math.ceil(this.#rowsMax / 100);
    if (nowMs - this.#sweptAtMs < SWEEP_EVERY_MS && this.#seq - this.#sweptAtSeq < often) return;
    this.#sweptAtMs = nowMs;
    this.#sweptAtSeq = this.#seq;
    const keepFromMs = this.#time.wallMs() - RETENTION_MS;
    for (;;) {
      const page = await this.#shelf.since('', PAGE_ROWS);
      // With room for those that come before the next look.
      const tooMany = held.rows - (this.#rowsMax - often);
      const keep = page.findIndex(([, { atMs }], i) => i >= tooMany && atMs >= keepFromMs);
      const last = page.at(-1);
      if (!last || keep === 0) return;
      const kept = page[keep]?.[0];
      await this.#shelf.dropBefore(kept ?? keyOf(last[1].seq + 1));
      for (const [, { who }] of kept === undefined ? page : page.slice(0, keep)) held.dropped(who);
      if (kept !== undefined) return;
    }
  }

  /** The oldest of that token's rows go, as whose changes they were: the rows of others are not its to push out. */
  async #keepToShare(held: AuditShares, who: string): Promise<void> {
    const most = Math.floor(this.#rowsMax * TOKEN_SHARE);
    for (let from = held.beginOf(who); held.rowsOf(who) >= most; ) {
      const page = await this.#shelf.since(from, PAGE_ROWS);
      const last = page.at(-1);
      if (!last) return;
      const oldest = page.find(([, row]) => row.who === who);
      if (oldest) {
        await this.#shelf.delete(oldest[0]);
        held.dropped(who);
      }
      from = keyOf((oldest ?? last)[1].seq + 1);
      held.beginsAt(who, from);
    }
  }
}
