/**
 * What the workload of a guest said of itself, asked over the guest's own serial port: real guests keep no run ledger.
 * Readings are compared within one boot of the guest, which the guest itself names and which goes where its memory goes:
 * no agent and no monitor has a word in it. Pure.
 */
import { type Violation, violation } from './violation.ts';

/** `node`: whose socket answered. Asked and heard by CLOCK_MONOTONIC, ns: what it says was so in between. */
export type Reading = {
  vm: string;
  node: string;
  boot: string;
  work: number;
  bad: number;
  askedNs: number;
  heardNs: number;
};

/** By boot, each by its begin of asking. */
function boots(readings: readonly Reading[]): Reading[][] {
  const found = new Map<string, Reading[]>();
  for (const reading of [...readings].sort((a, b) => a.askedNs - b.askedNs)) {
    const key = `${reading.vm} ${reading.boot}`;
    const before = found.get(key);
    if (before) before.push(reading);
    else found.set(key, [reading]);
  }
  return [...found.values()];
}

/**
 * The work done never becomes less within a boot: a guest that runs on from an older state has run twice. Of readings that
 * were asked for before another was heard, nobody can say which came first: they are not compared.
 */
export function lessWork(readings: readonly Reading[]): Violation[] {
  const found: Violation[] = [];
  for (const boot of boots(readings)) {
    let most: Reading | undefined;
    for (const reading of boot) {
      const less = most !== undefined && reading.work < most.work;
      if (less && most && most.heardNs <= reading.askedNs)
        found.push(
          violation(
            'one-runner',
            `${reading.vm} said that it had done ${most.work} on ${most.node}, and ${seconds(reading.askedNs - most.heardNs)} later ${reading.work} on ${reading.node}, in the same boot: an older state ran on`,
          ),
        );
      else if (less) continue;
      most = reading;
    }
  }
  return found;
}

/** Pages that the guest found wrong at any time, told of once a boot. */
export function pagesSaidBad(readings: readonly Reading[]): Violation[] {
  return boots(readings).flatMap(boot => {
    const first = boot.find(r => r.bad > 0);
    if (!first) return [];
    const what = `${first.vm} said on ${first.node} that ${first.bad} of its pages were wrong, at ${first.heardNs} ns`;
    return [violation('memory', what)];
  });
}

const seconds = (ns: number): string => `${(ns / 1e9).toFixed(3)} s`;
