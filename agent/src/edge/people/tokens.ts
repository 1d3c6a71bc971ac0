/**
 * The tokens that this node knows: its own, on the disk as hashes and in memory for every request; and those of the mesh,
 * which an operator's key signed. One that was revoked on any member is worth nothing on any.
 */
import { ShoalError } from '../../errors.ts';
import type { Time } from '../clock.ts';
import { type Database, Shelf } from '../store/store.ts';
import type { SharedTokens } from './shared-tokens.ts';
import {
  mint,
  type Presented,
  parseRecordLine,
  proofOf,
  proves,
  type Role,
  recordLine,
  type TokenRecord,
} from './token.ts';

/** Each is kept in memory; people and machines that change a mesh are tens. */
const TOKENS_MAX = 256;
/** One that ended is listed for so long yet, for whoever wonders why it does not work. */
const KEEP_ENDED_MS = 30 * 86_400_000;

export type NewToken = { token: string; id: string; record: string };

export type TokenState = 'valid' | 'expired' | 'revoked';
export type TokenStatus = Omit<TokenRecord, 'hash' | 'revokedAtMs'> & {
  state: TokenState;
  /** Known where it was made or added, or on every node. */
  of: 'node' | 'mesh';
  record: string;
};

export class Tokens {
  readonly #shelf: Shelf<TokenRecord>;
  readonly #time: Time;
  readonly #known = new Map<string, TokenRecord>();

  readonly #shared: SharedTokens | undefined;

  constructor(db: Database, time: Time, shared?: SharedTokens) {
    this.#shelf = new Shelf<TokenRecord>(db, 'token');
    this.#time = time;
    this.#shared = shared;
  }

  async open(): Promise<void> {
    for (const [id, record] of await this.#shelf.all()) this.#known.set(id, record);
  }

  /** `ttlMs` 0 = it does not expire. The token itself is told this once and kept nowhere. */
  async create(role: Role, name: string, ttlMs: number): Promise<NewToken> {
    await this.#makeRoom();
    const { token, id, hash } = mint();
    const nowMs = Math.floor(this.#time.wallMs());
    const expiresAtMs = ttlMs === 0 ? 0 : nowMs + ttlMs;
    const record = { id, name, role, hash, createdAtMs: nowMs, expiresAtMs, revokedAtMs: 0 };
    await this.#keep(record);
    return { token, id, record: recordLine(record) };
  }

  /** Takes over a token that was made on another node. Rejects with SHOAL_TOKEN_RECORD or SHOAL_TOKEN_KNOWN. */
  async add(line: string): Promise<{ id: string }> {
    const record = parseRecordLine(line, Math.floor(this.#time.wallMs()));
    if (this.#known.has(record.id) || this.#shared?.get(record.id)) {
      throw new ShoalError(
        'SHOAL_TOKEN_KNOWN',
        'this node has a token of that id, revoked ones included',
        record.id,
        'Nothing is to be done; a revoked one is not taken back, make another',
      );
    }
    await this.#makeRoom();
    await this.#keep(record);
    return { id: record.id };
  }

  /** By id, or by name where that is plain; here at once, and on every member that hears of it. Rejects with SHOAL_TOKEN_UNKNOWN. */
  async revoke(idOrName: string): Promise<{ id: string }> {
    const record = this.#find(idOrName);
    await this.#revoked(record);
    await this.#shared?.tellRevoked(record.id);
    return { id: record.id };
  }

  /**
   * Writes down what others have revoked: their word goes when they leave the mesh, and the token must not come back with that.
   * To be called now and then.
   */
  async absorb(): Promise<void> {
    for (const id of this.#shared?.revoked() ?? []) {
      const record = this.#known.get(id) ?? this.#shared?.get(id);
      if (record && record.revokedAtMs === 0) await this.#revoked(record);
    }
  }

  /** Newest first. */
  list(): TokenStatus[] {
    return this.#all()
      .sort((a, b) => b.createdAtMs - a.createdAtMs)
      .map(record => {
        const { hash: _, revokedAtMs: __, ...shown } = record;
        const of = this.#shared?.get(record.id) ? 'mesh' : 'node';
        return { ...shown, state: this.#stateOf(record), of, record: recordLine(record) };
      });
  }

  /** Who has that token; undefined when it is none of this node's, or not any more. */
  whoHas(token: string): Presented | undefined {
    const shown = proofOf(token);
    return shown && this.whoProves(shown.id, shown.proof);
  }

  whoProves(id: string, proof: string): Presented | undefined {
    const record = this.#known.get(id) ?? this.#shared?.get(id);
    if (!record || !proves(proof, record) || this.#stateOf(record) !== 'valid') return undefined;
    return { id, name: record.name, role: record.role, proof };
  }

  #all(): TokenRecord[] {
    const shared = (this.#shared?.all() ?? []).filter(({ id }) => !this.#known.has(id));
    return [...this.#known.values(), ...shared];
  }

  #revoked(record: TokenRecord): Promise<void> {
    return this.#keep({ ...record, revokedAtMs: record.revokedAtMs || Math.floor(this.#time.wallMs()) });
  }

  #stateOf({ id, revokedAtMs, expiresAtMs }: TokenRecord): TokenState {
    if (revokedAtMs > 0 || this.#shared?.isRevoked(id)) return 'revoked';
    return expiresAtMs > 0 && expiresAtMs <= this.#time.wallMs() ? 'expired' : 'valid';
  }

  #find(idOrName: string): TokenRecord {
    const named = this.#all().filter(r => r.name === idOrName && this.#stateOf(r) === 'valid');
    const found = this.#all().find(r => r.id === idOrName) ?? (named.length === 1 ? named[0] : undefined);
    if (found) return found;
    const what = named.length > 1 ? `${named.length} tokens have that name` : 'this node has no such token';
    throw new ShoalError('SHOAL_TOKEN_UNKNOWN', what, idOrName, 'See `shoal token list` for the ids');
  }

  /** On the disk before it counts: a revoked token must not come back with a restart. */
  async #keep(record: TokenRecord): Promise<void> {
    await this.#shelf.putSynced(record.id, record);
    this.#known.set(record.id, record);
  }

  /** For one more. What was revoked of the mesh's tokens is kept as long as the register that would make it good again. */
  async #makeRoom(): Promise<void> {
    const longAgoMs = this.#time.wallMs() - KEEP_ENDED_MS;
    for (const { id, revokedAtMs, expiresAtMs } of this.#known.values()) {
      const endedAtMs = revokedAtMs || expiresAtMs;
      if (endedAtMs === 0 || endedAtMs > longAgoMs || this.#shared?.get(id)) continue;
      await this.#shelf.delete(id);
      this.#known.delete(id);
    }
    if (this.#known.size < TOKENS_MAX) return;
    throw new ShoalError(
      'SHOAL_TOKEN_MANY',
      `this node knows ${this.#known.size} tokens already`,
      '',
      'Revoke those that nobody uses; they go 30 days later',
    );
  }
}
