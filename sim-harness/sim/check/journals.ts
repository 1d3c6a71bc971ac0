/**
 * What the nodes wrote down, held against handoff.md and against the machines: no record contradicts an earlier one of
 * its side, a commit has what it needs, `not-run` is final, no two nodes claim a VM with one epoch.
 */
import type { JournalEntry } from '@shoal/agent/edge/handoff/journal';
import type { Machine } from '../world/machine.ts';
import type { World } from '../world/world.ts';

/** By role: what may follow a record that was told as written. */
const MAY_FOLLOW: Record<'source' | 'target', Record<string, readonly string[]>> = {
  source: {
    preparing: ['preparing', 'switching', 'aborted'],
    // `released`: after a reboot, when the target says that it was resolved to have the VM.
    switching: ['switching', 'committed', 'aborted', 'released', 'resolved'],
    // `aborted`: a deadline that struck before the source had heard that its record was written (handoff.md, Records).
    committed: ['committed', 'released', 'retaken', 'resolved', 'aborted'],
    released: ['released'],
    aborted: ['aborted', 'released', 'resolved'],
    retaken: ['retaken'],
    resolved: ['resolved', 'released'],
  },
  target: {
    accepted: ['accepted', 'loading', 'not-run'],
    loading: ['loading', 'ready', 'not-run'],
    ready: ['ready', 'owner', 'not-run', 'resolved'],
    owner: ['owner', 'transferred', 'not-run', 'resolved', 'yielded'],
    transferred: ['transferred', 'yielded', 'resolved'],
    'not-run': ['not-run'],
    resolved: ['resolved', 'yielded'],
    yielded: ['yielded'],
  },
};

export class Journals {
  /** Last record of each side that was told as written. */
  readonly last = new Map<string, JournalEntry>();
  readonly #claims = new Map<string, Machine>();
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** A synced write was told as done. */
  written(machine: Machine, shelf: string, key: string, value: unknown): void {
    if (value === undefined) return;
    if (shelf === 'handoff') this.#record(machine, value as JournalEntry);
    else if (shelf === 'vm') this.#claim(machine, key, (value as { epoch: number }).epoch);
  }

  /** How many handoffs there were, by how they stand at their source. */
  outcomes(): Record<string, number> {
    const count: Record<string, number> = {};
    for (const { role, record } of this.last.values())
      if (role === 'source') count[record] = (count[record] ?? 0) + 1;
    return count;
  }

  #record(machine: Machine, entry: JournalEntry): void {
    const { handoff, role, record } = entry;
    const key = `${handoff} ${role}`;
    const before = this.last.get(key)?.record;
    this.last.set(key, entry);
    this.#world.log.line(machine.name, `journal: ${handoff.slice(0, 8)} ${role} ${record}`);
    if (before !== undefined && !MAY_FOLLOW[role][before]?.includes(record))
      this.#violated(entry, `${role} wrote ${record} after ${before}`);
    if (before === record) return;
    if (record === 'committed') this.#mayCommit(machine, entry);
    else if (record === 'owner') this.#mayOwn(machine, entry);
    else if (record === 'retaken') this.#mayRetake(entry);
    else if (record === 'aborted') this.#mayAbort(entry);
    else if (record === 'not-run') this.#neverRan(machine, entry);
  }

  /** Its own VMM stands for good (handoff.md, *seen*), and the target has written that it is ready. */
  #mayCommit(machine: Machine, entry: JournalEntry): void {
    const vmm = machine.vmms.get(entry.offer.vm);
    // QEMU's own post-copy commits before its device state goes, while it stands and waits to be told.
    const stands =
      entry.offer.engine === 'qemu-postcopy' ? ['finish-migrate', 'postmigrate'] : ['postmigrate'];
    if (vmm && !stands.includes(vmm.state))
      this.#violated(entry, `committed while the source's VMM is ${vmm.state}`);
    const peer = this.#peerRecord(entry);
    if (peer !== 'ready' && peer !== 'not-run' && !this.#onlyAgain(machine, entry, peer))
      this.#violated(entry, `committed while the target has ${peer} written down`);
  }

  /**
   * Written and told as failed before this node lost its power, found and written again since. Meanwhile an operator gave
   * the VM to the other: what this one does with its record is to ask.
   */
  #onlyAgain(machine: Machine, { offer }: JournalEntry, peer: string): boolean {
    return peer === 'resolved' && machine.boots > 1 && !machine.vmms.has(offer.vm);
  }

  #mayOwn(machine: Machine, entry: JournalEntry): void {
    const peer = this.#peerRecord(entry);
    if (peer !== 'committed' && !this.#onlyAgain(machine, entry, peer))
      this.#violated(entry, `owner while the source has ${peer} written down`);
  }

  /** If `run` is still on its way to the target, its `owner` will be told of. */
  #mayAbort(entry: JournalEntry): void {
    const peer = this.#peerRecord(entry);
    if (peer === 'owner' || peer === 'transferred')
      this.#violated(entry, `aborted while the target has ${peer} written down`);
  }

  #mayRetake(entry: JournalEntry): void {
    const peer = this.#peerRecord(entry);
    if (peer !== 'not-run') this.#violated(entry, `retaken while the target has ${peer} written down`);
  }

  #neverRan(machine: Machine, entry: JournalEntry): void {
    const ran = this.#world.truth.lastRunner(entry.offer.vm);
    if (ran?.machine === machine && ran.incomingSocket.includes(entry.handoff.slice(0, 8)))
      this.#violated(entry, 'not-run, and the guest has run there');
  }

  /** What is on the other side's disk, whatever its agent believes. */
  #peerRecord({ handoff, peer }: JournalEntry): string {
    const found = this.#world.machine(peer).disk.read('handoff', handoff) as JournalEntry | undefined;
    return found?.record ?? 'nothing';
  }

  #claim(machine: Machine, vm: string, epoch: number): void {
    const key = `${vm}/${epoch}`;
    const other = this.#claims.get(key);
    this.#claims.set(key, machine);
    if (other && other !== machine)
      this.#world.truth.violated(`${other.name} and ${machine.name} both claim ${vm} with epoch ${epoch}`);
  }

  #violated({ handoff, offer }: JournalEntry, what: string): void {
    this.#world.truth.violated(`${offer.spec.name}, handoff ${handoff.slice(0, 8)}: ${what}`);
  }
}
