/**
 * Wakes as the waker tells of them, one register `woken/NODE` with its last ones: which life of which node it woke, by what, and how
 * long that took. The node that was woken cannot know. Pure.
 */
import type { Register } from '@shoal/protocol';
import { parsed } from '../registers/parsed.ts';

const KIND = 'woken';
/** With the longest names and ids they fit into a register. */
const LAST = 16;

export const wokenKey = (waker: string): string => `${KIND}/${waker}`;

export type Woken = {
  /** Peer id. */
  node: string;
  /** Of the life that slept. */
  incarnation: number;
  /** From the call to its first report. */
  seconds: number;
  method: string;
  /** By the waker's wall clock, for people. */
  atMs: number;
};

export const withWake = (value: string, woken: Woken): string =>
  JSON.stringify([woken, ...wakesOf(value).filter(one => one.node !== woken.node)].slice(0, LAST));

function wakesOf(value: string): Woken[] {
  const said = parsed(value);
  return Array.isArray(said) ? said.filter(isWoken) : [];
}

function isWoken(one: unknown): one is Woken {
  if (typeof one !== 'object' || one === null) return false;
  const { node, incarnation, seconds, method, atMs } = one as Record<string, unknown>;
  const numbers = [incarnation, seconds, atMs].every(
    n => typeof n === 'number' && Number.isFinite(n) && n >= 0,
  );
  return typeof node === 'string' && typeof method === 'string' && numbers;
}

/** The last wake of a node that anybody tells of, and who. */
export function lastWake(registers: readonly Register[], node: string): (Woken & { by: string }) | undefined {
  return registers
    .filter(({ key }) => key.startsWith(`${KIND}/`))
    .flatMap(({ value, author }) => wakesOf(value).map(woken => ({ ...woken, by: author })))
    .filter(woken => woken.node === node)
    .sort((a, b) => b.incarnation - a.incarnation || a.seconds - b.seconds)[0];
}
