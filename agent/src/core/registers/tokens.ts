/**
 * Tokens in registers: those of the whole mesh, which an operator's key signs, and which tokens a node has revoked. A value that
 * cannot be read means nothing. Pure.
 */
import { NAME_BYTES_MAX } from '@shoal/protocol';
import { parsed } from './parsed.ts';

const ID = /^[0-9a-f]{16}$/;
const HASH = /^[0-9a-f]{64}$/;
const NAME = /^[A-Za-z0-9._-]*$/;

export type MeshToken = {
  role: 'read' | 'operate' | 'admin';
  name: string;
  hash: string;
  expiresAtMs: number;
};

/** Written by an operator; empty = withdrawn. */
export const tokenKey = (id: string): string => `mesh/token/${id}`;
/** Written by the node: the tokens that were revoked there. */
export const revokedKey = (node: string): string => `revoked/${node}`;

export const tokenValue = ({ role, name, hash, expiresAtMs }: MeshToken): string =>
  JSON.stringify({ role, name, hash, expiresAtMs });

export function tokenOf(value: string): MeshToken | undefined {
  const said = parsed(value) as Partial<Record<keyof MeshToken, unknown>> | undefined;
  if (typeof said !== 'object' || said === null) return undefined;
  const { role, name, hash, expiresAtMs } = said;
  if (role !== 'read' && role !== 'operate' && role !== 'admin') return undefined;
  if (typeof name !== 'string' || name.length > NAME_BYTES_MAX || !NAME.test(name)) return undefined;
  if (typeof hash !== 'string' || !HASH.test(hash)) return undefined;
  if (typeof expiresAtMs !== 'number' || !Number.isSafeInteger(expiresAtMs) || expiresAtMs < 0)
    return undefined;
  return { role, name, hash, expiresAtMs };
}

/** What fits into a register's value; a node that revokes more tokens tells of the newest. */
export const REVOKED_MAX = 200;

export const revokedValue = (ids: readonly string[]): string => JSON.stringify(ids.slice(-REVOKED_MAX));

export function revokedOf(value: string): string[] {
  const said = parsed(value);
  return Array.isArray(said) ? said.filter((id): id is string => typeof id === 'string' && ID.test(id)) : [];
}
