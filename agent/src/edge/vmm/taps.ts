/** Tap devices for a VM's network cards, enslaved to their bridges; made before the VMM starts, removed with it. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import type { VmSpec } from '@shoal/protocol';
import { ShoalError } from '../../errors.ts';
import { tapName } from './paths.ts';

const run = promisify(execFile);

export const taps = (spec: VmSpec): string[] => spec.nics.map((_, i) => tapName(spec.vm, i));

/** `uid`: the user that QEMU runs as, who alone may attach to the tap. */
export async function makeTaps(spec: VmSpec, uid: number): Promise<void> {
  for (const [i, nic] of spec.nics.entries()) {
    const tap = tapName(spec.vm, i);
    try {
      if (!existsSync(`/sys/class/net/${tap}`)) {
        await run('ip', ['tuntap', 'add', 'dev', tap, 'mode', 'tap', 'user', String(uid)]);
      }
      await run('ip', ['link', 'set', tap, 'master', nic.bridge, 'up']);
    } catch (error) {
      await removeTaps(spec);
      const what = `the network card ${nic.id} cannot be attached: ${(error as { stderr?: string }).stderr ?? error}`;
      throw new ShoalError('SHOAL_VM_NIC', what.trim(), `${spec.name}: ${nic.bridge}`, 'Check the bridge');
    }
  }
}

export async function removeTaps(spec: VmSpec): Promise<void> {
  for (const tap of taps(spec)) {
    if (existsSync(`/sys/class/net/${tap}`)) await run('ip', ['link', 'del', tap]).catch(() => undefined);
  }
}
