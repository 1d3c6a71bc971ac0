/**
 * The lab's network: a namespace per node, all on one bridge, each link shaped like a real one. Only addresses of the
 * range for benchmarks (198.18.0.0/15, RFC 2544) and interfaces of its own making.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ShoalError } from '@shoal/agent';

const exec = promisify(execFile);

/** A namespace and its cable to the lab's bridge. */
export type Link = { netns: string; outside: string; inside: string; address: string };

export type NetworkPlan = {
  bridge: string;
  /** Address of the bridge, from where the host reaches every node. */
  host: string;
  prefix: number;
  /** False: as fast as the machine copies. */
  shaped: boolean;
  nodes: Link[];
  /** Namespaces in which nobody is but who asks VMs for something. Absent in what earlier versions wrote down. */
  clients?: Link[];
  /** In each node's namespace: the bridge that has its address, its cable and its VMs. Absent: there is none. */
  vmBridge?: string;
};

export const VM_BRIDGE = 'br0';

/** 198.18.0.0/15 as subnets of 256 addresses. */
const SUBNETS = 512;
/** Of a subnet: .1 to .64 are nodes (place.ts), .100 to .199 VMs, .201 to .240 clients, .254 is the host. */
const VMS_FROM = 100;
const VMS_MAX = 100;
const CLIENTS_FROM = 201;
export const CLIENTS_MAX = 40;

const subnetPrefix = (subnet: number): string => `198.${18 + (subnet >> 8)}.${subnet & 255}`;

/** Names within IFNAMSIZ (15): the lab's name is cut to four letters and its subnet, 0 to 511, makes it unique. Pure. */
export function networkPlan(
  lab: string,
  count: number,
  subnet: number,
  rate = 'none',
  { clients = 0, vmBridge = false }: { clients?: number; vmBridge?: boolean } = {},
): NetworkPlan {
  const short = `sh${lab.slice(0, 4)}-${subnet}`;
  const prefix = subnetPrefix(subnet);
  const links = (many: number, [ns, outside]: readonly [string, string], from: number): Link[] =>
    Array.from({ length: many }, (_, i) => ({
      netns: `shoal-${lab}-${ns}${i}`,
      outside: `${short}${outside}${i}`,
      inside: 'eth0',
      address: `${prefix}.${from + i}`,
    }));
  return {
    bridge: `${short}b`,
    host: `${prefix}.254`,
    prefix: 24,
    shaped: rate !== 'none',
    nodes: links(count, ['n', 'v'], 1),
    clients: links(clients, ['c', 'c'], CLIENTS_FROM),
    ...(vmBridge && { vmBridge: VM_BRIDGE }),
  };
}

/** All cables: those of nodes, then those of clients. Pure. */
export const linksOf = ({ nodes, clients = [] }: NetworkPlan): Link[] => [...nodes, ...clients];

/** For the VM of that number, counted from 0. Throws SHOAL_LAB_ARGS beyond the last one. Pure. */
export function vmAddress({ host }: Pick<NetworkPlan, 'host'>, index: number): string {
  if (Number.isInteger(index) && index >= 0 && index < VMS_MAX)
    return host.replace(/\d+$/, String(VMS_FROM + index));
  throw new ShoalError('SHOAL_LAB_ARGS', `a lab has addresses for ${VMS_MAX} VMs`, `VM ${index}`, '');
}

export async function ip(...args: string[]): Promise<string> {
  return run('ip', args);
}

async function run(command: string, args: string[]): Promise<string> {
  try {
    return (await exec(command, args)).stdout;
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim() || (error as Error).message;
    throw new ShoalError(
      'SHOAL_LAB_NETWORK',
      said,
      `${command} ${args.join(' ')}`,
      'The lab needs root and iproute2',
    );
  }
}

/**
 * The first subnet of which no address is taken. `text`: anything with `a.b.c.d` or `a.b.c.d/length` in it, as `ip`
 * prints addresses and routes; a range, such as that of a VPN on 198.18.0.1/16, takes all of its subnets. It is looked for
 * from `start` on. Pure.
 */
export function firstFreeSubnet(text: string, start = 0): number {
  const taken = [...text.matchAll(/(\d+)\.(\d+)\.(\d+)\.\d+(?:\/(\d+))?/g)]
    .filter(([, , , , length]) => length !== '0')
    .map(([, a, b, c, length]) => {
      // Compared by their first 24 bits; a longer prefix still takes the whole subnet.
      const bits = Math.min(24, Number(length ?? 32));
      return { net: Number(a) * 65_536 + Number(b) * 256 + Number(c), span: 2 ** (24 - bits) };
    });
  const first = 198 * 65_536 + 18 * 256;
  for (let i = 0; i < SUBNETS; i++) {
    const subnet = (start + i) % SUBNETS;
    const net = first + subnet;
    if (!taken.some(t => Math.floor(t.net / t.span) === Math.floor(net / t.span))) return subnet;
  }
  throw new ShoalError(
    'SHOAL_LAB_NETWORK',
    'no subnet of 198.18.0.0/15 is free',
    'ip addr, ip route',
    'End other labs: lab -- down',
  );
}

/**
 * One that neither this machine nor another lab, which may not have made its own yet, has or routes elsewhere. Two that look
 * at the same moment see the same: each begins to look somewhere else.
 */
export async function freeSubnet(hosts: string[] = []): Promise<number> {
  const [addresses, routes] = [await ip('-o', '-4', 'addr'), await ip('-4', 'route')];
  return firstFreeSubnet([addresses, routes, ...hosts].join('\n'), process.pid % SUBNETS);
}

export async function makeBridge(plan: NetworkPlan): Promise<void> {
  await ip('link', 'add', plan.bridge, 'type', 'bridge');
  await ip('addr', 'add', `${plan.host}/${plan.prefix}`, 'dev', plan.bridge);
  await ip('link', 'set', plan.bridge, 'up');
}

/** `rate`: as tc takes it, or `none`. */
export async function makeNode(plan: NetworkPlan, index: number, rate: string): Promise<void> {
  await makeLink(plan, plan.nodes[index], rate, plan.vmBridge);
}

export async function makeClients(plan: NetworkPlan, rate: string): Promise<void> {
  for (const client of plan.clients ?? []) await makeLink(plan, client, rate);
}

/** `bridge`: has the address in the place of the cable. Both ends are shaped, or only one direction would be. */
async function makeLink(
  plan: NetworkPlan,
  link: Link | undefined,
  rate: string,
  bridge?: string,
): Promise<void> {
  if (!link) throw new Error('assertion failed: the plan has no such link');
  const { netns, outside, inside, address } = link;
  await ip('netns', 'add', netns);
  await ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', inside, 'netns', netns);
  await ip('link', 'set', outside, 'master', plan.bridge, 'up');
  await ip('-n', netns, 'link', 'set', 'lo', 'up');
  if (bridge) await makeVmBridge(netns, bridge, inside);
  await ip('-n', netns, 'addr', 'add', `${address}/${plan.prefix}`, 'dev', bridge ?? inside);
  await ip('-n', netns, 'link', 'set', inside, 'up');
  if (rate === 'none') return;
  // Segmentation offload would hand the shaper 64 KiB at once, which no real link carries in one piece. (What a guest
  // sends is cut by its own card, if at all: the shaper counts it right, but lets such a piece through whole.) A bridge keeps it,
  // as it does before a real card: without, every packet went through bridge and shaper alone, and a move took 0.8 of the core.
  const offload = ['tso', 'off', 'gso', 'off', 'gro', 'off'];
  await run('ethtool', ['-K', outside, ...offload]);
  await inNetns(netns, 'ethtool', '-K', inside, ...offload);
  const shape = ['root', 'tbf', 'rate', rate, 'burst', '256k', 'latency', '20ms'];
  await run('tc', ['qdisc', 'add', 'dev', outside, ...shape]);
  await inNetns(netns, 'tc', 'qdisc', 'add', 'dev', inside, ...shape);
}

/** Has the cable's own hardware address for good: else a bridge takes the lowest of its ports, another one with each VM. */
async function makeVmBridge(netns: string, bridge: string, port: string): Promise<void> {
  const [, mac = ''] =
    /link\/ether (\S+)/.exec(await ip('-n', netns, '-o', 'link', 'show', 'dev', port)) ?? [];
  await ip('-n', netns, 'link', 'add', bridge, 'address', mac, 'type', 'bridge');
  await ip('-n', netns, 'link', 'set', port, 'master', bridge);
  await ip('-n', netns, 'link', 'set', bridge, 'up');
}

export const inNetns = (netns: string, command: string, ...args: string[]): Promise<string> =>
  run('ip', ['netns', 'exec', netns, command, ...args]);

export const tc = (...args: string[]): Promise<string> => run('tc', args);

const TABLE = 'shoal_cut';

/** Nothing passes between the two nodes any more, in either direction; nobody is told. */
export async function cut(plan: NetworkPlan, a: number, b: number): Promise<void> {
  for (const [here, there] of [
    [a, b],
    [b, a],
  ] as const) {
    const [from, to] = [plan.nodes[here], plan.nodes[there]];
    if (!from || !to) throw new Error('assertion failed: a cut is between two nodes of the plan');
    const rules = `table ip ${TABLE}_${there} {\n chain in { type filter hook input priority 0; ip saddr ${to.address} drop; }\n chain out { type filter hook output priority 0; ip daddr ${to.address} drop; }\n}\n`;
    await inNetns(from.netns, 'sh', '-c', `printf '%s' '${rules}' | nft -f -`);
  }
}

export async function heal(plan: NetworkPlan, a: number, b: number): Promise<void> {
  for (const [here, there] of [
    [a, b],
    [b, a],
  ] as const)
    await inNetns(plan.nodes[here]?.netns ?? '', 'nft', 'delete', 'table', 'ip', `${TABLE}_${there}`).catch(
      () => '',
    );
}

/** The node's cable is pulled out, or in again: nothing passes to or from it, and its own kernel sees that. */
export async function plug(plan: NetworkPlan, index: number, inOrOut: 'up' | 'down'): Promise<void> {
  await ip('link', 'set', plan.nodes[index]?.outside ?? '', inOrOut);
}

/** Pids of whoever runs in a namespace; nobody when it is gone. */
export async function processesInNetns(netns: string): Promise<number[]> {
  const text = await ip('netns', 'pids', netns).catch(() => '');
  return text
    .split('\n')
    .map(Number)
    .filter(pid => pid > 0);
}

/** Removes what there is; what is gone already is fine. */
export async function removeNetwork(bridge: string, namespaces: string[], links: string[]): Promise<void> {
  for (const netns of namespaces) await ip('netns', 'del', netns).catch(() => '');
  for (const link of [...links, bridge]) await ip('link', 'del', link).catch(() => '');
}

/** What `from` sends does not arrive at `to` any more; the other way stays. `heal` ends it. */
export async function cutOneWay(plan: NetworkPlan, from: number, to: number): Promise<void> {
  const [sender, receiver] = [plan.nodes[from], plan.nodes[to]];
  if (!sender || !receiver) throw new Error('assertion failed: a cut is between two nodes of the plan');
  const rules = `table ip ${TABLE}_${from} {\n chain in { type filter hook input priority 0; ip saddr ${sender.address} drop; }\n}\n`;
  await inNetns(receiver.netns, 'sh', '-c', `printf '%s' '${rules}' | nft -f -`);
}
