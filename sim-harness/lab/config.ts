/** What a lab is made of, and the configuration of each of its agents. Pure. */
import { join } from 'node:path';
import type { Engine } from '@shoal/protocol';
import { stringify } from 'yaml';
import type { GuestImage } from '../guest/image.ts';
import type { Cores } from './cgroups.ts';
import { VM_BRIDGE } from './network.ts';
import type { LabState, NodeState } from './state.ts';

export type LabOptions = {
  /** Default `lab`. At most 12 letters and digits. */
  name?: string;
  nodes: number;
  driver: 'qemu' | 'micro';
  net: 'netns' | 'loopback';
  /** As tc takes it, `1gbit`, or `none`. */
  link: string;
  /** `br0` on each node, which has its cable and its address: VMs that are plugged into it have addresses of the lab. */
  vmBridge?: boolean;
  /** Namespaces with a link and without an agent, from where VMs are asked; default 0. */
  clients?: number;
  /** A core of its own per node, a quota of one core each, or neither. */
  cores: Cores;
  engine?: Engine;
  mode?: 'observe' | 'advise' | 'auto';
  policy?: Record<string, unknown>;
  /** Mean of all figures that the rule reads. */
  windowMs?: number;
  /** Of each node; default 4096. */
  guestMemoryMib?: number;
  staleAfterMs?: number;
  /** A file system of its own, so small, for each node's database or for its guests' memory. Root only. */
  databaseMib?: number;
  ramMib?: number;
  /** On every agent's allow-list beside the lab's own nodes. */
  members?: { id: string; addresses: string[] }[];
  /** Each agent writes down every report that it sends and gets, with its time. */
  traceReports?: boolean;
  /** Options for each agent's Node, before its own: `--cpu-prof`. */
  agentArgs?: string[];
  /** Nodes sleep: how (a `power` section), and what the AMT doubles of `amt/machines.ts` have. */
  sleep?: { power: Record<string, unknown>; fingerprint: string; passwordFile: string };
  /** Merged over each agent's configuration, section by section. */
  settings?: Record<string, Record<string, unknown> | number>;
};

export const MESH_PORT = 7420;
const GUEST_MEMORY_MIB = 4096;

/** Each node's AMT double answers on the lab's bridge, at a port of its own. */
export const AMT_PORTS_FROM = 16_993;

const powerConfig = (
  { power, fingerprint, passwordFile }: NonNullable<LabOptions['sleep']>,
  { nodes }: LabState,
  host: string,
) => ({
  sleep: 'auto',
  suspend: { driver: 'simulated' },
  wake: nodes.map(({ name, index }) => ({
    ...{ node: name, method: 'amt', ip: host, ipport: AMT_PORTS_FROM + index },
    ...{ ssl_fingerprint: fingerprint, password_file: passwordFile },
  })),
  ...power,
});

export function agentConfig(
  node: NodeState,
  lab: LabState,
  options: LabOptions,
  image: GuestImage | undefined,
): string {
  const { address, stateDir, runDir, ramDir, cgroups } = node;
  const roots = image ? [join(image.kernel, '..'), join(image.initrd, '..')] : [];
  const base: Record<string, Record<string, unknown> | number | string> = {
    node: { name: node.name, stateDir, runDir },
    mode: options.mode ?? 'auto',
    mesh: {
      listen: [`/ip4/${address}/tcp/${MESH_PORT}`],
      ...(options.staleAfterMs !== undefined && { staleAfterMs: options.staleAfterMs }),
      peers: [
        ...lab.nodes.map(n => ({ id: n.peerId, addresses: [`/ip4/${n.address}/tcp/${MESH_PORT}`] })),
        ...(options.members ?? []),
      ],
    },
    http: { listen: `${address}:7421` },
    control: { socket: join(runDir, 'shoald.sock') },
    cpu: cgroups.usage ? { source: 'cgroup', cgroup: cgroups.usage, cores: 1, vmCgroups: cgroups.vms } : {},
    memory: { ramDir, guestMemoryMib: options.guestMemoryMib ?? GUEST_MEMORY_MIB },
    vms: {
      accel: 'tcg',
      drivers: ['qemu', 'micro'],
      kernelRoots: [...new Set(roots)],
      diskRoots: [stateDir, join(stateDir, '..')],
      ...(options.vmBridge && { bridges: [VM_BRIDGE] }),
      nbdHosts: ['127.0.0.1', 'unix', ...(lab.network ? [lab.network.host] : [])],
    },
    migration: { engine: options.engine ?? 'postcopy', address },
    policy: { ...options.policy },
    ...(options.sleep && lab.network && { power: powerConfig(options.sleep, lab, lab.network.host) }),
    ...(options.windowMs !== undefined && { windowMs: options.windowMs }),
    log: { level: 'debug' },
  };
  for (const [section, values] of Object.entries(options.settings ?? {})) {
    const known = base[section];
    base[section] =
      typeof values === 'object' && typeof known === 'object' ? { ...known, ...values } : values;
  }
  return stringify(base);
}
