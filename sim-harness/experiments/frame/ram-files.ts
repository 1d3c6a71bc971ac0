/** Which VMs are moving, and how much of their memory is still to come, by the files that hold it: no agent is asked. Pure. */

/** One VM's memory on one node, as far as it is there. */
export type RamFile = { node: string; vm: string; bytes: number };

export class RamFiles {
  /** Where a VM was when it was on one node. */
  readonly #homes = new Map<string, string>();

  /** Bytes that targets have not got yet of what their sources have; undefined: nothing moves. */
  left(files: readonly RamFile[]): number | undefined {
    const vms = new Map<string, RamFile[]>();
    for (const file of files) vms.set(file.vm, [...(vms.get(file.vm) ?? []), file]);
    let left: number | undefined;
    for (const [vm, [one, other]] of vms) {
      if (one && !other) this.#homes.set(vm, one.node);
      if (!one || !other) continue;
      const [source, target] = one.node === this.#homes.get(vm) ? [one, other] : [other, one];
      left = (left ?? 0) + Math.max(0, source.bytes - target.bytes);
    }
    return left;
  }
}
