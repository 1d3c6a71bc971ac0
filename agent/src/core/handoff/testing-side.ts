/** One node of the world of `testing.ts`: what of it survives a crash of its agent, and what a power failure. */

export type Record_ = { name: string; boot: number; settled: boolean };
const NONE: Record_ = { name: 'none', boot: 0, settled: false };

export class Side {
  up = true;
  /** Off: no agent, no VMM, and nothing of this node moves until it is on again. */
  power = true;
  life = 1;
  boot = 1;
  /** The newest life of the peer that has spoken to this life; the first two know each other by the offer. */
  peerLife = 1;
  /** This node's records say that the VM is its own. */
  owned: boolean;
  wanted = '';
  /** What is to be written down about the end, one after the other; each says whether the VM is this node's then. */
  settles: (() => boolean)[] = [];
  /** What an agent that starts in this boot reads; what is left of it after a power failure. */
  record = NONE;
  durable = NONE;
  writes: (() => void)[] = [];

  constructor(owned: boolean) {
    this.owned = owned;
  }

  get rebooted(): boolean {
    return this.record.boot !== this.boot;
  }

  /** Synced and read back. */
  keep(name: string, settled = false): void {
    this.record = { name, boot: this.boot, settled };
    this.durable = this.record;
  }

  /** Failed as far as anybody knows: `share` below 1/3 it is not there, below 2/3 until a power failure, else it is. */
  keepMaybe(name: string, share: number): void {
    if (share < 1 / 3) return;
    const { durable } = this;
    this.keep(name);
    if (share < 2 / 3) this.durable = durable;
  }

  forget(): void {
    this.record = NONE;
    this.durable = NONE;
  }

  crash(): void {
    this.up = false;
    this.life += 1;
    this.peerLife = 0;
    this.writes = [];
    this.settles = [];
  }

  powerFails(): void {
    if (this.up) this.crash();
    this.power = false;
    this.boot += 1;
    this.record = this.durable;
  }

  /** The agent's first word to its journal: what is visible becomes durable, as it was. */
  start(): void {
    this.up = true;
    this.durable = this.record;
    this.wanted = this.record.name;
  }
}
