/**
 * The supervised test (docs/decisions/0026): a node sleeps by itself only on hardware on which it was once suspended and woken by a
 * peer. What came of it is a register `sleep-test/NODE`. Pure.
 */
import type { Woken } from './woken.ts';

export const sleepTestKey = (node: string): string => `sleep-test/${node}`;

/** On the disk before the machine sleeps. */
export type TestBegun = { incarnation: number; driver: string; hardware: string; alarmS: number };

export type SleepTest = {
  passed: boolean;
  /** Why not; empty when it did. */
  why: string;
  driver: string;
  /** Which machine it was on; another one has passed nothing. */
  hardware: string;
  sleptSeconds: number;
  /** From the call to the first report; 0 when nobody called. */
  wakeSeconds: number;
  method: string;
  by: string;
  atMs: number;
};

/** Its alarm goes off to the second; what wakes it in these last ones was that. */
const ALARM_MARGIN_S = 3;

/**
 * `woken`: what a peer says of waking that life; undefined: nothing yet. `isOver`: nobody will say any more. Undefined: to be
 * waited for.
 */
export function judgeTest(
  begun: TestBegun,
  sleptSeconds: number,
  woken: (Woken & { by: string }) | undefined,
  isOver: boolean,
  atMs: number,
): SleepTest | undefined {
  const { driver, hardware, alarmS } = begun;
  const base = { driver, hardware, sleptSeconds, wakeSeconds: 0, method: '', by: '', atMs };
  const failed = (why: string): SleepTest => ({ ...base, passed: false, why });
  if (sleptSeconds >= alarmS - ALARM_MARGIN_S) return failed('its own alarm woke it, no peer did');
  if (woken && woken.incarnation === begun.incarnation) {
    const { seconds, method, by } = woken;
    return { ...base, passed: true, why: '', wakeSeconds: seconds, method, by };
  }
  return isOver ? failed('it woke by itself: no peer says that it called it') : undefined;
}

export function sleepTest(value: string): SleepTest | undefined {
  try {
    const said = JSON.parse(value) as SleepTest;
    const isWhole = typeof said.passed === 'boolean' && typeof said.driver === 'string';
    return isWhole && typeof said.hardware === 'string' ? said : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a node may sleep by itself. A played machine needs no test: nothing of it can be lost. */
export function isTrusted(value: string, driver: string, hardware: string): boolean {
  if (needsNoTest(driver)) return true;
  const test = sleepTest(value);
  return test?.passed === true && test.driver === driver && test.hardware === hardware;
}

const PLAYED = 'simulated';
export const needsNoTest = (driver: string): boolean => driver === PLAYED;
