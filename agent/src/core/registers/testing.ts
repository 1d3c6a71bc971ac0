/** For tests of registers: people and machines by short names, and a hash that is good enough to tell sets apart. */
import type { Register } from '@shoal/protocol';
import type { Trust } from './keys.ts';
import type { Held } from './table.ts';

/** Everybody whose name begins with `op` is an operator, everybody with `n` a member. */
export const trust: Trust = {
  isOperator: id => id.startsWith('op'),
  isMember: id => id.startsWith('n'),
};

export const register = (key: string, value: string, counter: number, author: string): Register => ({
  key,
  value,
  counter,
  author,
  signature: '',
});

export const held = (key: string, value: string, counter: number, author: string): Held => ({
  register: register(key, value, counter, author),
  ageMs: 0,
  atMs: 0,
});

/** The text itself, so that no two sets have one hash. */
export const digest = (text: string): string => text;
