/** Sleep of this node and wakes of others by a person: what must hold before, and one clear error where it does not. */
import { needsNode } from '@shoal/policies';
import { ShoalError } from '../../errors.ts';
import type { ClusterStatus } from '../http/api.types.ts';
import type { Power } from '../power/power.ts';
import type { SuspendDriver } from '../power/types.ts';
import type { Vms } from '../vms/vms.ts';
import type { Change } from './changes.ts';

export type PowerDeps = {
  nodeName: string;
  vms: Pick<Vms, 'list'>;
  status(): ClusterStatus;
  power: Pick<Power, 'sleep' | 'wake' | 'state'>;
  suspend: SuspendDriver | undefined;
};

export async function sleepChange(test: boolean, deps: PowerDeps): Promise<Change<undefined>> {
  const { nodeName, vms, power, suspend } = deps;
  const fault = (code: string, what: string, todo: string) => new ShoalError(code, what, nodeName, todo);
  if (!suspend)
    throw fault(
      'SHOAL_SLEEP_DRIVER',
      'nothing is configured that suspends this machine',
      'Choose power.suspend.driver',
    );
  const faults = await suspend.faults();
  if (faults.length > 0) throw fault('SHOAL_SLEEP_DRIVER', faults.join('; '), 'Mend it; see `shoal doctor`');
  const here = vms.list().filter(needsNode);
  if (here.length > 0)
    throw fault(
      'SHOAL_SLEEP_BUSY',
      `${here.length} VMs are here: ${here.map(v => v.record.spec.name).join(', ')}`,
      'Move them first (`shoal migrate`)',
    );
  if (power.state !== 'awake')
    throw fault('SHOAL_SLEEP_BUSY', `it is ${power.state} already`, 'See `shoal nodes`');
  return {
    would: `ask every member, and suspend ${nodeName} by ${suspend.name} if all agree${test ? '; a peer wakes it after a while' : ''}`,
    act: async () => void power.sleep({ isManual: true, test }),
  };
}

export function wakeChange(name: string, deps: PowerDeps): Change<undefined> {
  const { nodes } = deps.status();
  const node = nodes.find(n => n.name === name || n.id === name);
  const fault = (code: string, what: string, todo: string) => new ShoalError(code, what, name, todo);
  if (!node) throw fault('SHOAL_NODE_UNKNOWN', 'no node has that name', 'See `shoal nodes`');
  if (node.state !== 'asleep')
    throw fault('SHOAL_WAKE_AWAKE', `that node is ${node.state}, not asleep`, 'See `shoal nodes`');
  return {
    would: `call ${node.name} by the ways of power.wake until it says something`,
    async act() {
      if (!deps.power.wake(node.id))
        throw fault(
          'SHOAL_WAKE_BUSY',
          'it is being called, or too many calls have just begun',
          'Wait a few seconds',
        );
    },
  };
}
