/** What the registers say of tokens: those of the whole mesh, and which were revoked on any member. */
import { revokedKey, revokedOf, revokedValue, tokenKey, tokenOf } from '../../core/registers/tokens.ts';
import type { Time } from '../clock.ts';
import type { Registers } from '../registers/registers.ts';
import type { TokenRecord } from './token.ts';

export type SharedTokens = {
  get(id: string): TokenRecord | undefined;
  all(): TokenRecord[];
  isRevoked(id: string): boolean;
  revoked(): string[];
  /** Resolves when all that are connected were told. */
  tellRevoked(id: string): Promise<void>;
};

export function sharedTokens(registers: Registers, time: Pick<Time, 'wallMs'>): SharedTokens {
  const get = (id: string): TokenRecord | undefined => {
    const { value, ageMs } = registers.get(tokenKey(id));
    const token = tokenOf(value);
    return token && { id, ...token, createdAtMs: Math.floor(time.wallMs() - ageMs), revokedAtMs: 0 };
  };
  const nodes = () => new Set([registers.self, ...registers.members().map(m => m.id)]);
  const ofNode = (node: string) => revokedOf(registers.get(revokedKey(node)).value);
  return {
    get,
    all() {
      const prefix = tokenKey('');
      const keys = registers.table.all().map(held => held.register.key);
      return keys
        .filter(key => key.startsWith(prefix))
        .map(key => get(key.slice(prefix.length)))
        .filter(record => record !== undefined);
    },
    isRevoked: id => [...nodes()].some(node => ofNode(node).includes(id)),
    revoked: () => [...nodes()].flatMap(ofNode),
    async tellRevoked(id) {
      const known = ofNode(registers.self).filter(other => other !== id);
      await registers.write(revokedKey(registers.self), revokedValue([...known, id]));
    },
  };
}
