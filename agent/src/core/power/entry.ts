/**
 * A sleeping node's own word, which every peer keeps on its disk: a register `asleep/NODE`. With it a peer that has never heard
 * the node knows what it would be if it were awake. Pure.
 */
import type { NodeView } from '@shoal/policies';
import { parsedFields } from '../registers/parsed.ts';

export const asleepKey = (node: string): string => `asleep/${node}`;

export type AsleepEntry = {
  name: string;
  /** Of the life that went to sleep: whatever is heard of a later one ends this. */
  incarnation: number;
  bootId: string;
  /** By the sleeper's own wall clock, for people: never compared with another one. */
  atMs: number;
  cores: number;
  memoryMib: number;
  memoryFreeMib: number;
  policyHash: string;
};

const NUMBERS = ['incarnation', 'atMs', 'cores', 'memoryMib', 'memoryFreeMib'] as const;
const WORDS = ['name', 'bootId', 'policyHash'] as const;
const WORD_MAX = 64;

export const entryValue = (entry: AsleepEntry): string => JSON.stringify(entry);

/** Undefined: it is awake, or a newer version says it in words that are not known here. */
export function asleepEntry(value: string): AsleepEntry | undefined {
  if (value === '') return undefined;
  const fields = parsedFields(value);
  if (fields === undefined) return undefined;
  const isCount = (n: unknown) => typeof n === 'number' && Number.isSafeInteger(n) && n >= 0;
  if (!NUMBERS.every(key => isCount(fields[key]))) return undefined;
  if (!WORDS.every(key => typeof fields[key] === 'string' && (fields[key] as string).length <= WORD_MAX))
    return undefined;
  if ((fields.cores as number) < 1) return undefined;
  const kept = [...NUMBERS, ...WORDS].map(key => [key, fields[key]]);
  return Object.fromEntries(kept) as AsleepEntry;
}

/** What the rule sees of a node that sleeps: room, and no load. */
export const sleepingView = (
  node: string,
  entry: AsleepEntry,
  state: Extract<NodeView['state'], 'asleep' | 'unwakeable'>,
  cordoned = false,
): NodeView => ({
  ...{ node, name: entry.name, incarnation: entry.incarnation, seq: 0, ageMs: 0, state },
  ...{ mode: 'auto', policyHash: entry.policyHash, cordoned, paused: false },
  ...{ cores: entry.cores, cpuPermille: 0, overloadedForMs: 0, windowFull: true },
  ...{ memoryMib: entry.memoryMib, memoryFreeMib: entry.memoryFreeMib },
  ...{ elected: false, sinceRelocationMs: -1, inflow: 0, outflow: 0, vms: [] },
});
