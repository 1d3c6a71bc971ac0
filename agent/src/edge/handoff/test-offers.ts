/** For tests and attacks: offers that are whole in form, of VMs that there are not. */
import { randomUUID } from 'node:crypto';
import type { Offer, VmSpec } from '@shoal/protocol';

/** Of no certificate. */
export const HASH = '0'.repeat(64);

/** A small VM that there is nothing wrong with, another one each time. */
export function harmless(): VmSpec {
  const vm = randomUUID();
  return {
    vm,
    name: `evil-${vm.slice(0, 8)}`,
    driver: 'qemu',
    memoryMib: 16,
    vcpus: 1,
    machine: 'pc',
    kernel: '',
    initrd: '',
    cmdline: '',
    disks: [],
    nics: [],
    channels: [],
    labels: {},
    migration: 'postcopy',
    crash: 'leave',
  };
}

/** By hand, by a peer in its first life to whatever life its target has. */
export const offerOf = (spec: VmSpec, more: Partial<Offer> = {}): Offer => ({
  incarnation: 1,
  peerIncarnation: 0,
  deadlineMs: 5000,
  type: 'offer',
  handoff: randomUUID(),
  vm: spec.vm,
  spec,
  epoch: 2,
  engine: 'postcopy',
  reason: 'manual',
  relocation: '',
  basis: [],
  policyHash: '',
  diskNonces: {},
  certSha256: HASH,
  ...more,
});
