/** What this node can run and move VMs with: VMM, page server, preload, accelerator, user. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from './config/config.ts';
import { clock } from './edge/clock.ts';
import type { Logger } from './edge/log.ts';
import { createPageServers } from './edge/pages/client.ts';
import type { PageServers } from './edge/pages/types.ts';
import { createVmHost, postcopyPossible } from './edge/vmm/host.ts';
import { kvmRuns } from './edge/vmm/probe-kvm.ts';
import type { Accel } from './edge/vmm/qemu-args.ts';
import type { VmHost } from './edge/vmm/types.ts';
import { runAs } from './settings.ts';

/** Built by cargo beside the compiled agent. */
const NATIVE_DIR = fileURLToPath(new URL('../native/target/release', import.meta.url));

export type Host = {
  host: VmHost;
  pageServers: PageServers;
  /** Whether this node can be a target of post-copy. */
  postcopy: boolean;
  accel: Accel;
  /** Whom VMM and page server run as; undefined = as the agent. */
  user: { uid: number; gid: number } | undefined;
  /** The command `shoal-pages`. */
  pages: string;
};

export async function createHost(config: Config, log: Logger): Promise<Host> {
  const { runDir } = config.node;
  const native = config.native.dir || NATIVE_DIR;
  const preload = join(native, 'libshoal-uffd.so');
  const command = join(native, 'shoal-pages');
  const postcopy = await postcopyPossible(preload, command);
  if (!postcopy) log.warn({ native }, 'no post-copy on this node: see `shoal doctor`');
  const { accel: wanted, qemu } = config.vms;
  const accel = wanted === 'auto' ? ((await kvmRuns(qemu)) ? 'kvm' : 'tcg') : wanted;
  const user = runAs(config);
  const host = createVmHost(
    {
      runDir,
      accel,
      qemu,
      micro: join(native, 'shoal-micro'),
      preload: postcopy ? preload : '',
      runAs: user,
      cgroups: config.cpu.vmCgroups,
      allow: { ...config.vms, ramDir: config.memory.ramDir, postcopy },
    },
    { clock, log },
  );
  const pageServers = createPageServers({ runDir, command, runAs: user, guests: config.cpu.vmCgroups });
  return { host, pageServers, postcopy, accel, user, pages: command };
}
