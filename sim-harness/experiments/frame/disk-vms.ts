/** VMs with a root disk each, copied from one that is made once. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { copyDisk } from '../../guest/disk.ts';
import { type Lab, VM_BRIDGE } from '../../lab/index.ts';
import { ensureExperimentDisk } from '../guest-disk.ts';
import type { VmPlan } from './stage.ts';

export type DiskVm = Pick<VmPlan, 'name' | 'node' | 'memoryMib' | 'filledMib'>;

/**
 * Makes the disk of the experiments, which takes minutes the first time; what is answered copies it for each VM into the directory of
 * a lab, which goes with it: every run begins with the same disk. On a lab with a bridge for VMs they have addresses of it.
 */
export async function diskVms(
  vms: readonly DiskVm[],
  say: (line: string) => void,
): Promise<(lab: Lab) => Promise<VmPlan[]>> {
  const { disk } = await ensureExperimentDisk(say);
  return async lab => {
    const dir = join(lab.dir, 'disks');
    mkdirSync(dir, { recursive: true });
    const hasBridge = lab.state.network?.vmBridge !== undefined;
    const plans: VmPlan[] = [];
    for (const [i, vm] of vms.entries()) {
      const path = join(dir, `${vm.name}.img`);
      await copyDisk(disk, path);
      const words = ['shoal.root=/dev/vda', ...(hasBridge ? [`shoal.ip=${lab.vmAddress(i)}/24`] : [])];
      plans.push({
        ...vm,
        disks: [{ path, format: 'raw' }],
        cmdline: words.join(' '),
        ...(hasBridge && { nics: [{ bridge: VM_BRIDGE }] }),
      });
    }
    return plans;
  };
}
