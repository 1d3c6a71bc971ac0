/**
 * Bearer tokens. A token is `shoal_<id>_<secret>`; its secret has 256 bits of chance, so a plain hash of it can be
 * neither guessed nor reversed and needs no salt and no slow function. Two steps: the *proof* is the hash of the token, a node
 * stores the hash of the proof. Whoever reads what a node stores cannot make the proof; a peer that a change is
 * forwarded to is shown the proof and never sees the token (docs/decisions/0016-people.md).
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { ShoalError } from '../../errors.ts';

/** Each may do what those before it may. `read`: look. `operate`: change VMs, node and mesh. `admin`: tokens, audit log. */
export const ROLES = ['read', 'operate', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export const mayAs = (role: Role, needs: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(needs);

/** What a node keeps of a token. Times are this node's wall clock, ms; 0 = never. */
export type TokenRecord = {
  id: string;
  /** For people; may be empty. */
  name: string;
  role: Role;
  /** SHA-256 of the proof, hex. */
  hash: string;
  createdAtMs: number;
  expiresAtMs: number;
  revokedAtMs: number;
};

/** What a person has shown: enough to be known by, here and at a peer. */
export type Presented = { id: string; name: string; role: Role; proof: string };

export const TOKEN_ID = /^[0-9a-f]{16}$/;
const TOKEN = /^shoal_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;
/** Longer is no token of ours, and is not hashed. */
export const TOKEN_LENGTH = 6 + 16 + 1 + 43;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Of the whole token, id included. `undefined`: it does not have the form of one. */
export function proofOf(token: string): { id: string; proof: string } | undefined {
  if (token.length !== TOKEN_LENGTH) return undefined;
  const id = TOKEN.exec(token)?.[1];
  return id === undefined ? undefined : { id, proof: sha256(`shoal-token-proof-1 ${token}`) };
}

export const hashOf = (proof: string): string => sha256(`shoal-token-hash-1 ${proof}`);

/** Takes as long whether the first digit differs or the last. */
export function proves(proof: string, { hash }: { hash: string }): boolean {
  return timingSafeEqual(Buffer.from(hashOf(proof), 'hex'), Buffer.from(hash, 'hex'));
}

export function mint(): { token: string; id: string; hash: string } {
  const id = randomBytes(8).toString('hex');
  const token = `shoal_${id}_${randomBytes(32).toString('base64url')}`;
  const { proof } = proofOf(token) as { proof: string };
  return { token, id, hash: hashOf(proof) };
}

const RECORD =
  /^([0-9a-f]{16})\.(read|operate|admin)\.([0-9]{1,15})\.([0-9a-f]{64})\.([A-Za-z0-9._-]{0,63})$/;

/** What another node needs to know the token too, one line. It is no secret, but it is as good as the right to add it. */
export const recordLine = ({ id, role, expiresAtMs, hash, name }: TokenRecord): string =>
  [id, role, expiresAtMs, hash, name].join('.');

/** Throws SHOAL_TOKEN_RECORD. */
export function parseRecordLine(line: string, nowMs: number): TokenRecord {
  const [, id, role, expires, hash, name] = RECORD.exec(line) ?? [];
  if (id === undefined || hash === undefined) {
    throw new ShoalError(
      'SHOAL_TOKEN_RECORD',
      'that is no record of a token',
      'record',
      'Copy the whole line that `shoal token create` or `list --records` printed on the other node',
    );
  }
  return {
    id,
    name: name ?? '',
    role: role as Role,
    hash,
    createdAtMs: nowMs,
    expiresAtMs: Number(expires),
    revokedAtMs: 0,
  };
}
