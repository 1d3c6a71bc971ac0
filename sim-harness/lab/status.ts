/** A lab at a glance: who runs, and what every living agent says of the cluster. */
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import type { Lab } from './lab.ts';

export type LabStatus = {
  name: string;
  notes: string[];
  nodes: {
    name: string;
    http: string;
    pid: number | undefined;
    vmms: number;
    pageServers: number;
    /** Names of nodes that it takes for awake, itself among them. */
    sees: string[];
    vms: { name: string; state: string; cpuPercent: number }[];
  }[];
};

/** An agent that does not answer has nothing in `sees` and `vms`. */
export async function statusOf(lab: Lab): Promise<LabStatus> {
  const nodes = lab.nodes.map(async node => {
    const seen = node.alive ? await node.get<ClusterStatus>('/v1/status').catch(() => undefined) : undefined;
    const { vmms, pageServers } = lab.processes(node.name);
    return {
      name: node.name,
      http: node.http,
      pid: node.pid,
      vmms: vmms.length,
      pageServers: pageServers.length,
      sees: seen?.nodes.filter(n => n.state === 'awake').map(n => n.name) ?? [],
      vms:
        seen?.vms
          .filter(vm => vm.node === node.name)
          .map(({ name, state, cpuPercent }) => ({ name, state, cpuPercent })) ?? [],
    };
  });
  return { name: lab.state.name, notes: lab.notes, nodes: await Promise.all(nodes) };
}

export function statusText(status: LabStatus): string {
  const lines = status.nodes.flatMap(node => {
    const agent = node.pid === undefined ? 'no agent' : `agent ${node.pid}`;
    const sees = node.sees.length > 0 ? `sees ${node.sees.join(' ')}` : 'does not answer';
    const vms = node.vms.map(vm => `    ${vm.name}  ${vm.state}  ${vm.cpuPercent.toFixed(0)} %`);
    return [`${node.name}  ${node.http}  ${agent}  ${sees}  ${node.vmms} VMMs`, ...vms];
  });
  return [...status.notes.map(note => `note: ${note}`), ...lines].join('\n');
}
