/**
 * *One runner per VM*, sampled: whose vCPUs get CPU time, by /proc. In a handoff both sides may have some between two
 * looks; but once the second has run, the first never does again. Holds for any VMM, whatever it says of itself.
 */
import { type Processes, vcpuNs } from './proc.ts';
import { type Violation, violation } from './violation.ts';

/** Between two looks. The vCPU thread of a VMM that stands has some house-keeping; a guest at work uses far more. */
const RAN_NS = 5e6;
/** A process that is gone cannot run again; what it did was compared at the next looks. */
const FORGET_ROUNDS = 100;

type Seen = { vm: string; node: string; usedNs: number; firstRan: number; lastRan: number; lastSeen: number };

export class Runners {
  #round = 0;
  readonly #seen = new Map<string, Seen>();
  readonly #found = new Map<string, Violation>();

  get violations(): Violation[] {
    return [...this.#found.values()];
  }

  /** One look at all VMMs. `used`: vCPU time of a pid so far, ns. */
  look({ vmms }: Pick<Processes, 'vmms'>, used: (pid: number) => number | undefined = vcpuNs): void {
    this.#round++;
    for (const { pid, startTicks, vm, node } of vmms) {
      const usedNs = used(pid);
      if (usedNs === undefined) continue;
      const key = `${pid}.${startTicks}`;
      const seen = this.#seen.get(key) ?? { vm, node, usedNs, firstRan: 0, lastRan: 0, lastSeen: 0 };
      this.#seen.set(key, seen);
      const ran = usedNs - seen.usedNs >= RAN_NS;
      seen.usedNs = usedNs;
      seen.lastSeen = this.#round;
      if (!ran) continue;
      seen.firstRan ||= this.#round;
      seen.lastRan = this.#round;
      this.#compare(key, seen);
    }
    for (const [key, { lastSeen }] of this.#seen)
      if (this.#round - lastSeen > FORGET_ROUNDS) this.#seen.delete(key);
  }

  #compare(key: string, a: Seen): void {
    for (const [other, b] of this.#seen) {
      if (other === key || a.vm !== b.vm || b.firstRan === 0) continue;
      if (a.lastRan <= b.firstRan || b.lastRan <= a.firstRan) continue;
      const pair = [key, other].sort().join(' and ');
      const what = `the vCPUs of ${a.vm} took CPU time in turns on ${a.node} and ${b.node} (processes ${pair})`;
      this.#found.set(pair, violation('one-runner', what));
    }
  }
}
