/**
 * The registers of this node: read from the disk at its start, written by itself, heard of others. Whatever changes
 * goes to the disk, and to whoever acts on it. Who is a member is itself in registers, so trust follows from them.
 */
import { decodeRegister, encodeRegister, type Register, type ToldRegister } from '@shoal/protocol';
import { LINES, Rates } from '../../core/rate.ts';
import { memberKey, type Trust } from '../../core/registers/keys.ts';
import { type Member, members } from '../../core/registers/read.ts';
import { type Held, type Merged, RegisterTable } from '../../core/registers/table.ts';
import type { Time } from '../clock.ts';
import type { Logger } from '../log.ts';
import { digest16 } from '../machine.ts';
import type { Verdict } from '../mesh/types.ts';
import type { Shelf } from '../store/store.ts';
import type { Seal } from './seal.ts';

/** What of the configuration counts here; it may change while the agent runs. */
export type Configured = { peers: { id: string; addresses: string[] }[]; operators: string[] };

export type RegistersDeps = {
  shelf: Shelf<Held>;
  seal: Seal;
  clock: Time;
  log: Logger;
  /** A register that was written here, as gossip. */
  tell(bytes: Uint8Array): Promise<void>;
  /** After every change, with the keys of it. */
  changed(keys: string[]): void;
  /** Takes the new allow-list; whoever is not on it is cut off before this returns. */
  admit(list: Member[]): void;
};

export class Registers {
  readonly self: string;
  readonly table = new RegisterTable(digest16);
  readonly #deps: RegistersDeps;
  #configured: Configured;
  #members: Member[] = [];
  #ids: ReadonlySet<string> = new Set();
  /** By author, a member's alone: what an operator writes is people's doing, and is told of whole. */
  readonly #lines = new Rates(LINES.burst, LINES.perSecond);
  #turn: Promise<unknown> = Promise.resolve();
  #disk: Promise<unknown> = Promise.resolve();
  /** Keys whose newest value is not on the disk, since writing it failed. */
  readonly #unkept = new Set<string>();
  readonly #trust: Trust = {
    isOperator: id => this.#configured.operators.includes(id),
    isMember: id => id === this.self || this.#ids.has(id),
  };

  constructor(self: string, configured: Configured, deps: RegistersDeps) {
    this.self = self;
    this.#configured = configured;
    this.#deps = deps;
  }

  /** Reads what an earlier life has kept. What is not signed as it should be was not written by an agent. */
  async open(): Promise<void> {
    const kept = (await this.#deps.shelf.all()).map(([, held]) => held);
    const good = kept.filter(held => this.#deps.seal.verify(held.register));
    if (good.length < kept.length) {
      this.#deps.log.warn(
        { dropped: kept.length - good.length },
        'registers on the disk with bad signatures',
      );
    }
    // Members first: what a node says counts only when it is known to be one.
    this.#recount();
    const isMember = ({ register }: Held) => register.key.startsWith(memberKey(''));
    for (const held of good.filter(isMember)) this.table.merge(held, this.#trust);
    this.#recount();
    for (const held of good.filter(held => !isMember(held))) this.table.merge(held, this.#trust);
    this.#deps.admit(this.#members);
  }

  /** The allow-list as it is now, sorted by id. */
  members(): readonly Member[] {
    return this.#members;
  }

  isMember(id: string): boolean {
    return this.#trust.isMember(id);
  }

  isOperator(id: string): boolean {
    return this.#trust.isOperator(id);
  }

  /** The value of a key, empty when there is none, and how old it is. */
  get(key: string): { value: string; ageMs: number } {
    const held = this.table.get(key);
    return held ? { value: held.register.value, ageMs: this.#ageMs(held) } : { value: '', ageMs: 0 };
  }

  told(held: Held): ToldRegister {
    return { ...held.register, ageMs: Math.round(this.#ageMs(held)) };
  }

  /** The configuration was read again. */
  reconfigure(configured: Configured): void {
    this.#configured = configured;
    this.#membersChanged();
  }

  /** Writes a key of this node: resolves when it is on the disk and was told to the others. */
  write(key: string, value: string): Promise<void> {
    return this.#inTurn(async () => {
      const held = this.table.get(key)?.register;
      const draft = { key, value, counter: (held?.counter ?? 0) + 1, author: this.self };
      await this.#put({ ...draft, signature: this.#deps.seal.sign(draft) });
    });
  }

  /** Takes a register that somebody signed elsewhere (an operator, with the command), as `take` does, and tells it on. */
  submit(register: Register): Promise<Merged | 'forged'> {
    return this.#inTurn(async () => {
      const merged = this.wouldTake(register);
      if (merged === 'new') await this.#put(register);
      return merged;
    });
  }

  wouldTake(register: Register): Merged | 'forged' {
    if (!this.#deps.seal.verify(register)) return 'forged';
    return this.table.judge(register, this.#trust);
  }

  /** For the gossip's validator: only what is new here, and signed, is passed on. */
  judge(bytes: Uint8Array): Verdict {
    const decoded = decodeRegister(bytes);
    if (!decoded.ok) return 'reject';
    if (this.table.judge(decoded.value, this.#trust) !== 'new') return 'ignore';
    return this.#deps.seal.verify(decoded.value) ? 'accept' : 'reject';
  }

  /** A register in a message of the gossip that `judge` accepted. */
  heard(bytes: Uint8Array): void {
    const decoded = decodeRegister(bytes);
    if (decoded.ok) this.take(decoded.value);
  }

  /** Takes a register that another node told. The signature is checked only where something would come of it. */
  take({ ageMs, ...register }: ToldRegister): Merged | 'forged' {
    const would = this.table.judge(register, this.#trust);
    if (would !== 'new' && would !== 'known') return would;
    if (!this.#deps.seal.verify(register)) return 'forged';
    const held = { register, ageMs, atMs: this.#deps.clock.wallMs() };
    if (would === 'known') {
      // The words are known; it may be younger than was thought.
      this.table.merge(held, this.#trust);
      return would;
    }
    this.#keep(held).catch(error => {
      this.#unkept.add(register.key);
      this.#deps.log.error({ key: register.key, error: String(error) }, 'a register could not be kept');
    });
    this.#merge(held);
    return 'new';
  }

  async #put(register: Register): Promise<void> {
    const held = { register, ageMs: 0, atMs: this.#deps.clock.wallMs() };
    // On the disk before anybody hears of it: a counter must never be used for a second value.
    await this.#keep(held);
    this.#merge(held);
    await this.#deps
      .tell(encodeRegister({ ...register, ageMs: 0 }))
      .catch(error => this.#deps.log.warn({ key: register.key, error: String(error) }, 'register not told'));
  }

  #keep(held: Held): Promise<void> {
    const { key } = held.register;
    return this.#onDisk(async () => {
      await this.#deps.shelf.putSynced(key, held);
      this.#unkept.delete(key);
    });
  }

  /** Resolves when the newest value of that key is on the disk; rejects when it could not be kept. */
  async onDisk(key: string): Promise<void> {
    await this.#disk;
    if (this.#unkept.has(key)) throw new Error(`${key} could not be kept`);
  }

  /** One after the other: the last word on a key must also be the last on the disk. */
  #onDisk(work: () => Promise<void>): Promise<void> {
    const mine = this.#disk.then(work);
    this.#disk = mine.catch(() => {});
    return mine;
  }

  #merge(held: Held): void {
    const { register } = held;
    const { merged, dropped } = this.table.merge(held, this.#trust);
    if (merged !== 'new') return;
    const { key, author, counter } = register;
    if (this.isOperator(author) || this.#lines.take(author, this.#deps.clock.nowMs()))
      this.#deps.log.info({ event: 'register', key, author, counter }, 'a register was written');
    if (dropped) this.#forget([dropped]);
    if (key.startsWith(memberKey(''))) this.#membersChanged();
    this.#deps.changed([key, ...(dropped ? [dropped] : [])]);
  }

  #membersChanged(): void {
    const gone: string[] = [];
    let more: string[];
    // What hung on a former operator's or member's word may have others hang on it in turn.
    do {
      this.#recount();
      more = this.table.drop(this.#trust);
      gone.push(...more);
    } while (more.length > 0);
    this.#forget(gone);
    this.#deps.admit(this.#members);
    if (gone.length > 0) this.#deps.changed(gone);
  }

  #recount(): void {
    const configured = this.#configured.peers.map(peer => ({ ...peer, name: '' }));
    this.#members = members(
      configured,
      this.table.all().map(held => held.register),
    );
    this.#ids = new Set(this.#members.map(m => m.id));
  }

  #forget(keys: string[]): void {
    for (const key of keys) {
      this.#onDisk(() => this.#deps.shelf.delete(key)).catch(error =>
        this.#deps.log.warn({ key, error: String(error) }, 'a register stays on the disk'),
      );
    }
  }

  /** By this node's own clock; one that was set back makes it young again, not negative. */
  #ageMs(held: Held): number {
    return held.ageMs + Math.max(0, this.#deps.clock.wallMs() - held.atMs);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {});
    return mine;
  }
}
