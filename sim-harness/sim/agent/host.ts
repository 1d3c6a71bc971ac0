/** The VMs of a node as processes and files of a simulated machine (`edge/vmm/host.ts` is the real one). */
import type { VmHost, Vmm } from '@shoal/agent';
import { vmPaths } from '@shoal/agent/edge/vmm/paths';
import { movesPages, type VmSpec } from '@shoal/protocol';
import { SimVmm } from '../world/vmm.ts';
import type { World } from '../world/world.ts';
import type { Life } from './life.ts';
import { VmmHandle } from './vmm-handle.ts';

/** A launch until the monitor answers. */
const LAUNCH_MS = [30, 200] as const;
const FILES_MS = [0.2, 5] as const;

export function simHost(world: World, life: Life): VmHost {
  const { machine } = life;
  const call = <T>(what: string, ms: readonly [number, number], work: () => T) =>
    life.call('host', what, ms, work);
  const release = (spec: VmSpec) => {
    machine.vmms.get(spec.vm)?.end('agent');
    machine.ram.delete(spec.vm);
  };
  const launch = (spec: VmSpec, incoming: boolean): SimVmm => {
    release(spec);
    if (world.strikes('start-failed')) {
      if (!incoming) world.truth.startFailed(spec.vm);
      throw new Error('Cannot allocate memory');
    }
    const ramId = world.nextPid();
    machine.ram.set(spec.vm, ramId);
    const vmm = new SimVmm(world, machine, spec, ramId, incoming ? 'inmigrate' : 'prelaunch');
    machine.vmms.set(spec.vm, vmm);
    world.log.line(machine.name, `VMM of ${spec.name} starts${incoming ? ', waiting for its state' : ''}`);
    return vmm;
  };
  const disks = (spec: VmSpec) => spec.disks.filter(d => d.kind === 'file' && !d.readOnly);
  return {
    paths: spec => vmPaths(`/run/${machine.name}`, `/ram/${machine.name}`, spec.vm),
    ramBytes: spec => spec.memoryMib * 2 ** 20,
    judge: async () => [],
    async start(spec) {
      const vmm = await call(`start of ${spec.name}`, LAUNCH_MS, () => {
        const started = launch(spec, false);
        world.truth.starts(started);
        started.run();
        return started;
      });
      const handle = new VmmHandle(world, life, vmm);
      await handle.announceSelf();
      return handle;
    },
    async startIncoming(spec, engine, uffdSocket) {
      const vmm = await call(`incoming start of ${spec.name}`, LAUNCH_MS, () => {
        const server = machine.pageProcesses().find(p => p.session.uffdSocket === uffdSocket);
        // The preload aborts its VMM when nobody takes the descriptor.
        if (movesPages(engine) && !server) throw new Error('the VMM ended: no page server');
        return launch(spec, true);
      });
      return new VmmHandle(world, life, vmm);
    },
    async adopt(spec): Promise<Vmm | undefined> {
      const vmm = await call(`adopt ${spec.name}`, FILES_MS, () => machine.vmms.get(spec.vm));
      return vmm && new VmmHandle(world, life, vmm);
    },
    release: spec => call(`release ${spec.name}`, FILES_MS, () => release(spec)),
    clean: spec => call(`clean ${spec.name}`, FILES_MS, () => release(spec)),
    writeDiskNonces: spec =>
      call('nonces', FILES_MS, () => {
        const made = disks(spec).map(d => [d.id, world.nextPid().toString(16).padStart(16, '0')] as const);
        for (const [id, nonce] of made) world.nonces.set(`${spec.vm}/${id}`, nonce);
        return Object.fromEntries(made);
      }),
    checkDiskNonces: (spec, nonces) =>
      call('nonces', FILES_MS, () =>
        disks(spec)
          .filter(d => world.nonces.get(`${spec.vm}/${d.id}`) !== nonces[d.id])
          .map(d => `${d.id} is another disk here`),
      ),
    clearDiskNonces: spec =>
      call('nonces', FILES_MS, () => {
        for (const d of disks(spec)) world.nonces.delete(`${spec.vm}/${d.id}`);
      }),
  };
}
