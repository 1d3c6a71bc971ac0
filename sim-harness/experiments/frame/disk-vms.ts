/** VMs with a root disk each, an overlay of one that is made once. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureGuestDisk, overlayOf } from '../../guest/disk.ts';
import type { VmPlan } from './stage.ts';

/**
 * Makes the disk that all stand on, which takes minutes once; what is answered makes the overlays in the directory of a lab, which
 * goes with it: every run begins with the same disk.
 */
export async function diskVms(
  vms: readonly Pick<VmPlan, 'name' | 'node' | 'memoryMib' | 'filledMib' | 'nics' | 'cmdline'>[],
  say: (line: string) => void,
): Promise<(labDir: string) => Promise<VmPlan[]>> {
  const { disk } = await ensureGuestDisk({ progress: say });
  return async labDir => {
    const dir = join(labDir, 'disks');
    mkdirSync(dir, { recursive: true });
    return Promise.all(
      vms.map(async ({ cmdline = '', ...vm }) => {
        const path = join(dir, `${vm.name}.qcow2`);
        await overlayOf(disk, path);
        const words = `shoal.root=/dev/vda ${cmdline}`.trim();
        return { ...vm, disks: [{ path, format: 'qcow2' }], cmdline: words };
      }),
    );
  };
}
