/** What the registers of a mesh say of a node's sleep, for people. Pure. */
import type { Register } from '@shoal/protocol';
import { type Slept, sleptKey, sleptOf } from './saved.ts';
import { type SleepTest, sleepTest, sleepTestKey } from './sleep-test.ts';
import { lastWake } from './woken.ts';

export type Rest = {
  slept: Slept;
  lastWake: { by: string; method: string; seconds: number; atMs: number } | null;
  sleepTest: Pick<SleepTest, 'passed' | 'why' | 'sleptSeconds' | 'wakeSeconds' | 'method' | 'atMs'> | null;
};

/** `nameOf`: of a peer id. */
export function restOf(registers: readonly Register[], node: string, nameOf: (id: string) => string): Rest {
  const value = (key: string) => registers.find(register => register.key === key)?.value ?? '';
  const wake = lastWake(registers, node);
  const test = sleepTest(value(sleepTestKey(node)));
  return {
    slept: sleptOf(value(sleptKey(node))),
    lastWake: wake
      ? { by: nameOf(wake.by), method: wake.method, seconds: wake.seconds, atMs: wake.atMs }
      : null,
    sleepTest: test
      ? {
          ...{ passed: test.passed, why: test.why, sleptSeconds: test.sleptSeconds },
          ...{ wakeSeconds: test.wakeSeconds, method: test.method, atMs: test.atMs },
        }
      : null,
  };
}
