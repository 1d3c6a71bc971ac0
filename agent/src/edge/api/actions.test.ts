import { VMS_MAX } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ShoalError } from '../../errors.ts';
import type { ClusterStatus } from '../http/api.types.ts';
import type { OwnedVm } from '../vms/record.ts';
import type { Vms } from '../vms/vms.ts';
import { newVm } from './actions.ts';

const deps = (count: number, freeMib = 1024) => {
  const created: string[] = [];
  const vms: Pick<Vms, 'find' | 'list' | 'judge' | 'create'> = {
    find: () => undefined,
    list: () => Array.from({ length: count }, () => ({}) as OwnedVm),
    judge: async () => undefined,
    create: async (spec, admit) => {
      admit?.();
      created.push(spec.name);
    },
  };
  return {
    created,
    nodeName: 'node0',
    vms: vms as Vms,
    status: () => ({ vms: [] }) as unknown as ClusterStatus,
    freeMib: () => freeMib,
    engines: { engine: 'postcopy', packingEngine: 'warm' } as const,
    postcopy: true,
    needed: () => undefined,
    offer: () => Promise.reject(new Error('nobody is asked')),
  };
};
const SPEC = { name: 'web1', memory: '256MiB', boot: { kernel: '/k/vmlinuz' } };

async function refused(work: Promise<unknown>): Promise<ShoalError> {
  try {
    await work;
  } catch (error) {
    return error as ShoalError;
  }
  throw new Error('it was not refused');
}

test('a node takes as many VMs as fit into its report, and refuses the next one by their number', async () => {
  const last = deps(VMS_MAX - 1);
  await (await newVm(SPEC, last)).create();
  assert.equal(last.created, ['web1']);
  const error = await refused(newVm(SPEC, deps(VMS_MAX)));
  assert.is(error.code, 'SHOAL_NODE_FULL');
  assert.match(error.message, `node0 has ${VMS_MAX} VMs`);
});

test('a VM that needs more memory than is free is refused with both figures', async () => {
  const error = await refused(newVm(SPEC, deps(0, 255)));
  assert.is(error.code, 'SHOAL_NODE_FULL');
  assert.match(error.message, /256 MiB, 255 MiB/);
});

test.run();
