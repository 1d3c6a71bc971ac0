/**
 * All registers of one node. Merging is idempotent, commutative and associative: two nodes that have seen the same
 * registers in any order, each any number of times, hold the same ones (Shapiro et al. 2011, state-based CRDTs).
 * Signatures are checked before (`edge/registers`); who may write what is checked here. Pure.
 */
import { REGISTER_BUCKETS, type Register, registerBucket } from '@shoal/protocol';
import { mayWrite, ownerOf, type Trust } from './keys.ts';
import { beats } from './order.ts';

/** A node's own state is a few keys; what is beyond them comes from newer versions, or from a stolen node. */
export const NODE_KEYS_MAX = 96;
/** Members that ever were, policy and the like: 256 nodes, twice. */
export const MESH_KEYS_MAX = 512;

/** `ageMs` when it first came here, as far as is known, which was at `atMs` by this node's own wall clock. */
export type Held = { register: Register; ageMs: number; atMs: number };

/** `known`: this very one is here. `full`: its owner has as many keys as are kept, all of them lower. */
export type Merged = 'new' | 'known' | 'old' | 'denied' | 'full';

export type Digest = (text: string) => string;

export class RegisterTable {
  readonly #digest: Digest;
  readonly #held = new Map<string, Held>();
  /** Hashes of buckets that have not changed since they were worked out. */
  readonly #hashes = new Map<number, string>();

  /** `digest`: the first 16 hex digits of SHA-256. */
  constructor(digest: Digest) {
    this.#digest = digest;
  }

  get(key: string): Held | undefined {
    return this.#held.get(key);
  }

  /** In the bytewise order of their keys. */
  all(): Held[] {
    return [...this.#held.values()].sort((a, b) => (a.register.key < b.register.key ? -1 : 1));
  }

  /** What `merge` would answer; changes nothing. */
  judge(register: Register, trust: Trust): Merged {
    const { key, author } = register;
    if (!mayWrite(key, author, trust)) return 'denied';
    const held = this.#held.get(key)?.register;
    if (held) {
      if (beats(register, held)) return 'new';
      return beats(held, register) ? 'old' : 'known';
    }
    const { keys, most } = this.#siblings(key);
    return keys.length >= most && key > (keys.at(-1) as string) ? 'full' : 'new';
  }

  /**
   * Takes a register whose signature is good. With one key too many of its owner the bytewise highest goes, so that it
   * does not matter which came first: `dropped` names it.
   */
  merge(entry: Held, trust: Trust): { merged: Merged; dropped?: string } {
    const { register } = entry;
    const merged = this.judge(register, trust);
    if (merged === 'known') this.#younger(entry);
    if (merged !== 'new') return { merged };
    this.#put(entry);
    const { keys, most } = this.#siblings(register.key);
    const dropped = keys.length > most ? (keys.at(-1) as string) : undefined;
    if (dropped === undefined) return { merged };
    this.#delete(dropped);
    return { merged, dropped };
  }

  /** Drops what its author may not write any more, after a change of members or operators; answers the keys. */
  drop(trust: Trust): string[] {
    const gone = this.all().filter(({ register: r }) => !mayWrite(r.key, r.author, trust));
    for (const { register } of gone) this.#delete(register.key);
    return gone.map(({ register }) => register.key);
  }

  /** One hash a bucket, empty for an empty one; empty ones at the end are left out. */
  buckets(): string[] {
    const filled = new Set([...this.#held.keys()].map(registerBucket));
    const hashes = Array.from({ length: REGISTER_BUCKETS }, (_, i) => (filled.has(i) ? this.#hash(i) : ''));
    while (hashes.at(-1) === '') hashes.pop();
    return hashes;
  }

  /** All of the buckets in which the other side's hashes differ. Keys of the mesh first: members must be known before
   * anything of theirs is believed. */
  differing(theirs: readonly string[]): Held[] {
    const ours = this.buckets();
    const differs = (i: number) => (ours[i] ?? '') !== (theirs[i] ?? '');
    const rank = (held: Held) => (ownerOf(held.register.key) === undefined ? 0 : 1);
    return this.all()
      .filter(({ register }) => differs(registerBucket(register.key)))
      .sort((a, b) => rank(a) - rank(b));
  }

  #hash(bucket: number): string {
    const known = this.#hashes.get(bucket);
    if (known !== undefined) return known;
    const rows = this.all()
      .filter(({ register }) => registerBucket(register.key) === bucket)
      .map(({ register: r }) => [r.key, r.counter, r.author, r.value]);
    const hash = this.#digest(JSON.stringify(rows));
    this.#hashes.set(bucket, hash);
    return hash;
  }

  /**
   * Whoever tells that it is younger is believed: a pause that lasts too long is safer than one that ends early. But it was
   * written before it first came here, so nobody makes it younger than that: told again and again, it ends all the same.
   */
  #younger({ register, ageMs, atMs }: Held): void {
    const held = this.#held.get(register.key) as Held;
    const writtenMs = Math.min(held.atMs, atMs - ageMs);
    const youngestMs = held.atMs - writtenMs;
    if (youngestMs < held.ageMs) this.#held.set(held.register.key, { ...held, ageMs: youngestMs });
  }

  #siblings(key: string): { keys: string[]; most: number } {
    const owner = ownerOf(key);
    const keys = [...this.#held.keys()].filter(k => ownerOf(k) === owner).sort();
    return { keys, most: owner === undefined ? MESH_KEYS_MAX : NODE_KEYS_MAX };
  }

  #put(entry: Held): void {
    this.#held.set(entry.register.key, entry);
    this.#hashes.delete(registerBucket(entry.register.key));
  }

  #delete(key: string): void {
    this.#held.delete(key);
    this.#hashes.delete(registerBucket(key));
  }
}
