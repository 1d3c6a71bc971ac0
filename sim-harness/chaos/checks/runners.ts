/**
 * *One runner per VM*, sampled: whose vCPUs get CPU time, by /proc. In a handoff both sides may have some between two
 * looks; but once the second has run, the first never does again. Holds for any VMM, whatever it says of itself.
 */
import { type Processes, vcpuNs } from './proc.ts';
import { monotonicNs, type Violation, violation } from './violation.ts';

/** Between two looks. The vCPU thread of a VMM that stands has some house-keeping; a guest at work uses far more. */
const RAN_NS = 5e6;
/** A process that is gone cannot run again; what it did was compared at the next looks. */
const FORGET_ROUNDS = 100;

/**
 * Times are those of looks, and each look takes some: a process had CPU time at some moment before `ranBy` (its first
 * time), and again at some moment after `ranAfter` (its last time). Only so are two processes ever put in an order.
 */
type Seen = {
  vm: string;
  node: string;
  usedNs: number;
  sinceNs: number;
  ranBy: number;
  ranAfter: number;
  round: number;
};

export class Runners {
  #round = 0;
  readonly #seen = new Map<string, Seen>();
  readonly #found = new Map<string, Violation>();

  get violations(): Violation[] {
    return [...this.#found.values()];
  }

  /** One look at all VMMs. `used`: vCPU time of a pid so far, ns; `now`: CLOCK_MONOTONIC, ns. */
  look(
    { vmms }: Pick<Processes, 'vmms'>,
    used: (pid: number) => number | undefined = vcpuNs,
    now: () => number = monotonicNs,
  ): void {
    this.#round++;
    for (const { pid, startTicks, vm, node } of vmms) {
      const beforeNs = now();
      const usedNs = used(pid);
      const afterNs = now();
      if (usedNs === undefined) continue;
      const key = `${pid}.${startTicks}`;
      const seen = this.#seen.get(key) ?? {
        ...{ vm, node, usedNs, sinceNs: beforeNs, round: 0 },
        ...{ ranBy: Number.POSITIVE_INFINITY, ranAfter: Number.NEGATIVE_INFINITY },
      };
      this.#seen.set(key, seen);
      seen.round = this.#round;
      const ran = usedNs - seen.usedNs >= RAN_NS;
      if (ran) {
        seen.ranBy = Math.min(seen.ranBy, afterNs);
        seen.ranAfter = seen.sinceNs;
      }
      seen.usedNs = usedNs;
      seen.sinceNs = beforeNs;
      if (ran) this.#compare(key, seen);
    }
    for (const [key, { round }] of this.#seen)
      if (this.#round - round > FORGET_ROUNDS) this.#seen.delete(key);
  }

  #compare(key: string, a: Seen): void {
    for (const [other, b] of this.#seen) {
      if (other === key || a.vm !== b.vm) continue;
      if (a.ranAfter < b.ranBy || b.ranAfter < a.ranBy) continue;
      const pair = [key, other].sort().join(' and ');
      const what = `the vCPUs of ${a.vm} took CPU time in turns on ${a.node} and ${b.node} (processes ${pair})`;
      this.#found.set(pair, violation('one-runner', what));
    }
  }
}
