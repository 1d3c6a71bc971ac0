/** `shoal doctor`: everything that a node needs, looked at here and now. Works without an agent, says more with one. */
import type { Config } from '../../config/config.ts';
import { kvmRuns } from '../vmm/probe-kvm.ts';
import { type Check, fail } from './check.ts';
import { type AgentAnswer, agentChecks } from './configuration.ts';
import { engineChecks } from './engines.ts';
import { httpsCheck } from './https.ts';
import { cgroupCheck, clockCheck, kernelCheck, nodeCheck } from './machine.ts';
import { hugePagesCheck, ramDirCheck } from './memory.ts';
import { listenCheck, peerChecks } from './mesh.ts';
import { nativeCheck, userfaultfdCheck } from './native.ts';
import { sleepCheck, wakeChecks, wolCheck } from './power.ts';
import { recoveryCheck } from './rights.ts';
import { preloadCheck } from './running.ts';
import { vmUserCheck } from './vm-user.ts';
import { kvmCheck, qemuCheck } from './vmm.ts';

/** All checks, in the order in which they depend on one another. Changes nothing; takes some seconds at most. */
export async function examine(config: Config, agent: AgentAnswer): Promise<Check[]> {
  const { status } = agent;
  const names = new Map((status?.vms ?? []).map(v => [v.vm, v.name]));
  const checks: [string, () => Check | Check[] | Promise<Check | Check[]>][] = [
    ['node.js', () => nodeCheck()],
    ['kernel', () => kernelCheck()],
    ['qemu', () => qemuCheck(config)],
    ['kvm', () => kvmCheck(config, kvmRuns)],
    ['native parts', () => nativeCheck(config)],
    ['VM user', () => vmUserCheck(config)],
    ['userfaultfd', () => userfaultfdCheck()],
    ['page recovery', () => recoveryCheck()],
    ['huge pages', () => hugePagesCheck(config)],
    ['guest memory', () => ramDirCheck(config)],
    ['cgroup', () => cgroupCheck(config)],
    ['clock', () => clockCheck()],
    ['mesh port', () => listenCheck(config, status !== undefined)],
    ['https', () => httpsCheck(config)],
    ['agent', () => agentChecks(agent)],
    ['peers', () => peerChecks(config, status)],
    ['running VMs', () => preloadCheck(config, names)],
    ['sleep', () => sleepCheck(config)],
    ['wake', () => wakeChecks(config)],
    ['wake on LAN', () => wolCheck(config)],
  ];
  const found = (await Promise.all(checks.map(([name, check]) => looked(name, check)))).flat();
  // Last: what all of them come to.
  return [...found, ...[await looked('post-copy', () => engineChecks(config, found))].flat()];
}

/** A check that cannot be made is a finding too; the others are still wanted. */
async function looked(
  name: string,
  check: () => Check | Check[] | Promise<Check | Check[]>,
): Promise<Check | Check[]> {
  try {
    return await check();
  } catch (error) {
    return fail(
      name,
      `cannot be looked at: ${(error as Error).message}`,
      'Run this as root, or see what is named',
    );
  }
}
