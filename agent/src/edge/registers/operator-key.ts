/** An operator's key: a file of its own, made and used by the command alone; no agent ever reads it. */
import type { Register } from '@shoal/protocol';
import { ShoalError } from '../../errors.ts';
import { type Identity, makeKey, readKey } from '../mesh/identity.ts';
import { createSeal } from './seal.ts';

export type OperatorKey = {
  /** What stands in `mesh.operators`. */
  id: string;
  sign(key: string, value: string, counter: number): Register;
};

/** Rejects with SHOAL_IDENTITY when there is none, or it is open to others. */
export async function openOperatorKey(file: string): Promise<OperatorKey> {
  const identity = await readKey(file);
  if (identity) return keyOf(identity);
  throw new ShoalError(
    'SHOAL_IDENTITY',
    'there is no operator key',
    file,
    'Make one with `shoal keys make`, or name it with --key',
  );
}

/** Rejects with SHOAL_IDENTITY when the file is there already. */
export const makeOperatorKey = async (file: string): Promise<OperatorKey> => keyOf(await makeKey(file));

function keyOf({ peerId, privateKey }: Identity): OperatorKey {
  const seal = createSeal(privateKey);
  return {
    id: peerId,
    sign(key, value, counter) {
      const draft = { key, value, counter, author: peerId };
      return { ...draft, signature: seal.sign(draft) };
    },
  };
}
