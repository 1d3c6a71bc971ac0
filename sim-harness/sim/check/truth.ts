/**
 * What really runs where, apart from what any agent believes or says: told by the VMMs themselves. Holds the rules of
 * handoff.md that no state of an agent can excuse: never two runners, never two that go on from one memory, no memory
 * of a VM thrown away while it is the only current one.
 */
import type { Death, SimVmm } from '../world/vmm.ts';
import type { World } from '../world/world.ts';

type Known = {
  /** Executions of the VM so far; the memory of the last one is current. */
  executions: number;
  /** Killed by faults, kept from starting by them, or ended with their node. */
  faultDeaths: number;
  /** The execution whose memory a fault has hit: copies of it may be thrown away, the VM has crashed. */
  hit: number;
  /** The execution whose memory an operator has given up. */
  given: number;
  last: SimVmm | undefined;
};

export class Truth {
  readonly violations: string[] = [];
  /** How often a VM went on on another node than before. */
  moves = 0;
  readonly #vms = new Map<string, Known>();
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  violated(what: string): void {
    this.#world.log.line('CHECK', `VIOLATION: ${what}`);
    this.violations.push(`at ${(this.#world.time.nowMs / 1000).toFixed(3)} s: ${what}`);
    // What follows from a broken rule is no news.
    this.#world.time.stop();
  }

  /** The VMM that executed the VM last. */
  lastRunner(vm: string): SimVmm | undefined {
    return this.#known(vm).last;
  }

  /** A cold start that a fault prevented: the node counts it as a crash. */
  startFailed(vm: string): void {
    this.#known(vm).faultDeaths += 1;
  }

  /**
   * A fault has made its current memory worthless though a VMM still holds it: QEMU's own post-copy has no way back once
   * the device state is on its way, and no way on without its source (docs/design/qemu-postcopy.md).
   */
  spoilt(vm: string): void {
    const known = this.#known(vm);
    if (known.hit === known.executions) return;
    known.hit = known.executions;
    known.faultDeaths += 1;
  }

  /** By an operator's word its current memory may be thrown away, at the price of a crash or not. Returns what takes that back. */
  givenUp(vm: string, crash: boolean): () => void {
    const known = this.#known(vm);
    const { executions } = known;
    known.given = executions;
    if (crash) known.faultDeaths += 1;
    return () => {
      if (known.given === executions) known.given = -1;
    };
  }

  /** Nothing is left of its current memory that must be kept. */
  isHit(vm: string): boolean {
    const { hit, given, executions } = this.#known(vm);
    return hit === executions || given === executions;
  }

  faultDeaths(vm: string): number {
    return this.#known(vm).faultDeaths;
  }

  /** Every VMM that holds this VM, running or not. */
  holders(vm: string): SimVmm[] {
    return this.#world.machines.flatMap(m => m.vmms.get(vm) ?? []);
  }

  runners(vm: string): SimVmm[] {
    return this.holders(vm).filter(v => v.state === 'running');
  }

  /** A cold start: the guest begins anew from its disk. */
  starts(vmm: SimVmm): void {
    const { vm, name } = vmm.spec;
    const known = this.#known(vm);
    // A copy of what a fault has hit is given up; should it go on after all, that is seen then.
    const going = this.isHit(vm) ? [] : this.#goingOn(vm).filter(h => h !== vmm);
    for (const other of going)
      this.violated(
        `${name}: started anew on ${vmm.machine.name} while ${other.machine.name} holds its living memory`,
      );
    vmm.asOf = known.executions;
  }

  /** The guest executes in this VMM from now on. */
  runs(vmm: SimVmm): void {
    const { vm, name } = vmm.spec;
    const known = this.#known(vm);
    const others = this.runners(vm).filter(r => r !== vmm);
    for (const other of others)
      this.violated(`${name}: runs on ${other.machine.name} and ${vmm.machine.name}`);
    if (vmm.asOf !== known.executions)
      this.violated(
        `${name}: ${vmm.machine.name} resumed an old memory (of execution ${vmm.asOf}, the last is ${known.executions})`,
      );
    if (known.last && known.last.machine !== vmm.machine) this.moves += 1;
    known.last = vmm;
    known.executions += 1;
    vmm.asOf = known.executions;
  }

  announced(_vmm: SimVmm): void {}

  ends(vmm: SimVmm, why: Death): void {
    const { vm, name } = vmm.spec;
    if (why === 'killed' || why === 'power') {
      const known = this.#known(vm);
      if (vmm.asOf !== undefined) known.faultDeaths += 1;
      if (vmm.asOf !== undefined && vmm.asOf === known.executions) known.hit = known.executions;
      return;
    }
    if (why === 'incoming failed' || !this.#isCurrent(vmm)) return;
    if (this.isHit(vm) || lostItsPages(vmm)) return;
    if (this.#goingOn(vm).some(h => h !== vmm)) return;
    this.violated(`${name}: ${vmm.machine.name} threw its only current memory away`);
  }

  /** VMMs whose memory is that of the last execution. */
  #goingOn(vm: string): SimVmm[] {
    return this.holders(vm).filter(h => this.#isCurrent(h));
  }

  #isCurrent(vmm: SimVmm): boolean {
    return vmm.alive && vmm.asOf !== undefined && vmm.asOf === this.#known(vmm.spec.vm).executions;
  }

  #known(vm: string): Known {
    const known = this.#vms.get(vm) ?? {
      ...{ executions: 0, faultDeaths: 0 },
      ...{ hit: -1, given: -1 },
      last: undefined,
    };
    this.#vms.set(vm, known);
    return known;
  }
}

/**
 * Post-copy's price (handoff.md): the node that had its pages lost power. Whether all of them had arrived is what a page
 * server that was started anew cannot know any more.
 */
const lostItsPages = ({ cameFrom }: SimVmm): boolean =>
  cameFrom !== undefined && (cameFrom.machine.power !== 'on' || cameFrom.machine.boots !== cameFrom.boots);
