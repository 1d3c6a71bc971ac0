/** Tap devices for a VM's network cards, enslaved to their bridges; made before the VMM starts, removed with it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { VmSpec } from '@shoal/protocol';
import { ShoalError } from '../../errors.ts';
import { nicBytes } from '../sampler/io.ts';
import { tapName } from './paths.ts';

const run = promisify(execFile);

/** QEMU attaches itself to its tap through this. */
export const TUN = '/dev/net/tun';

/** A sentence's end, or undefined when VMs can be attached to it. */
export async function bridgeFault(name: string): Promise<string | undefined> {
  if (!nicBytes().has(name)) return 'does not exist';
  const { stdout } = await run('ip', ['-o', 'link', 'show', 'dev', name, 'type', 'bridge']);
  return stdout.trim() === '' ? 'is no bridge, but another network device' : undefined;
}

export const taps = (spec: VmSpec): string[] => spec.nics.map((_, i) => tapName(spec.vm, i));

/** `uid`: the user that QEMU runs as, who alone may attach to the tap. */
export async function makeTaps(spec: VmSpec, uid: number): Promise<void> {
  for (const [i, nic] of spec.nics.entries()) {
    const tap = tapName(spec.vm, i);
    try {
      if (!nicBytes().has(tap)) {
        await run('ip', ['tuntap', 'add', 'dev', tap, 'mode', 'tap', 'user', String(uid)]);
      }
      await run('ip', ['link', 'set', tap, 'master', nic.bridge, 'up']);
    } catch (error) {
      await removeTaps(spec);
      const what = `the network card ${nic.id} cannot be attached: ${(error as { stderr?: string }).stderr ?? error}`;
      throw new ShoalError(
        'SHOAL_VM_NIC',
        what.trim(),
        `${spec.name}: ${nic.bridge}`,
        'Check the bridge, and whether the agent has CAP_NET_ADMIN',
      );
    }
  }
}

export async function removeTaps(spec: VmSpec): Promise<void> {
  if (spec.nics.length === 0) return;
  const devices = nicBytes();
  for (const tap of taps(spec)) {
    if (devices.has(tap)) await run('ip', ['link', 'del', tap]).catch(() => undefined);
  }
}
