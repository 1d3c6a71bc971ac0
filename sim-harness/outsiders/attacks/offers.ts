/** Offers as an attacker makes them: whole in form, of VMs that there are not. */
import { randomUUID } from 'node:crypto';
import type { Offer, VmSpec } from '@shoal/protocol';

export const HASH = '0'.repeat(64);

export function offerOf(spec: VmSpec, more: Partial<Offer> = {}): Offer {
  return {
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
  };
}

/** A small VM that there is nothing wrong with. */
export const harmless = (): VmSpec => ({
  vm: randomUUID(),
  name: `evil-${randomUUID().slice(0, 8)}`,
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
});
