/** The whole cluster as this node sees it: what `GET /v1/status` answers. */
import type { LoadReport } from '@shoal/protocol';
import { type Claim, claims, rivals } from '../../core/claims.ts';
import type { Passed } from '../../core/passing.ts';
import type { AsleepEntry } from '../../core/power/entry.ts';
import type { PowerState } from '../../core/power/table.ts';
import { NO_FIGURES } from '../handoff/figures.ts';
import type { ClusterStatus, HandoffStatus, NodeStatus, VmStatus } from '../http/api.types.ts';

export type Seen = { report: LoadReport; ageMs: number; stale: boolean };

export type StatusInputs = Omit<ClusterStatus, 'nodes' | 'vms' | 'handoffs' | 'warnings' | 'cooldownMs'> & {
  cooldownConfigMs: number;
  seen: Seen[];
  /** VMs on their way from one list to the next. */
  passing: Passed[];
  /** Peers on the allow-list, by id, that may never have been heard of. */
  members: { id: string; name: string }[];
  own: HandoffStatus[];
  /** Nodes that sleep by their own word, and what this node makes of them. */
  asleep: { node: string; entry: AsleepEntry; power: PowerState }[];
  /** Of this node. */
  power: PowerState;
  /** What the registers say of a node's sleep. */
  rest(node: string): Pick<NodeStatus, 'slept' | 'lastWake' | 'sleepTest'>;
};

const percent = (thousandths: number): number => thousandths / 10;

export function clusterStatus(inputs: StatusInputs): ClusterStatus {
  const { seen: heard, passing, members, own, cooldownConfigMs, asleep, power, rest, ...head } = inputs;
  const seen = heard.filter(s => !asleep.some(a => a.node === s.report.node));
  const unheard = members.filter(
    m => !heard.some(s => s.report.node === m.id) && !asleep.some(a => a.node === m.id),
  );
  const nodes = [
    ...seen.map(s => nodeStatus(s, s.report.node === inputs.nodeId ? power : 'awake')),
    ...asleep.map(sleepingNode),
    ...unheard.map(unknownNode),
  ]
    .map(node => ({ ...node, ...rest(node.id) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    ...head,
    cooldownMs: cooldownLeftMs(seen, cooldownConfigMs),
    nodes,
    vms: [...claims(seen), ...passing.flatMap(passed => claimOf(passed, seen))]
      .map(vmStatus)
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    handoffs: [...own, ...observed(seen, own)],
    warnings: warnings(seen, unheard),
  };
}

function cooldownLeftMs(seen: Seen[], cooldownMs: number): number {
  const left = seen
    .filter(s => s.report.sinceRelocationMs >= 0)
    .map(s => cooldownMs - s.report.sinceRelocationMs - s.ageMs);
  return Math.max(0, ...left);
}

/** All but what the registers say. */
type Heard = Omit<NodeStatus, 'slept' | 'lastWake' | 'sleepTest'>;

function nodeStatus({ report: r, ageMs, stale }: Seen, power: PowerState): Heard {
  return {
    id: r.node,
    name: r.name,
    state: stale ? 'stale' : 'awake',
    power,
    ageMs,
    incarnation: r.incarnation,
    version: r.version,
    http: r.http,
    mode: r.mode,
    cordoned: r.cordoned,
    pausedMs: Math.max(0, r.pausedMs - ageMs),
    policyHash: r.policyHash,
    cores: r.cores,
    cpuPercent: percent(r.cpuPermille),
    cpuNowPercent: percent(r.cpuNowPermille),
    memoryMib: r.memoryMib,
    memoryFreeMib: r.memoryFreeMib,
    diskReadBps: r.diskReadBps,
    diskWriteBps: r.diskWriteBps,
    netRxBps: r.netRxBps,
    netTxBps: r.netTxBps,
    vms: r.vms.length,
  };
}

function sleepingNode({ node, entry, power }: StatusInputs['asleep'][number]): Heard {
  const { name, incarnation, policyHash, cores, memoryMib, memoryFreeMib } = entry;
  return {
    ...unknownNode({ id: node, name }),
    ...{ state: 'asleep', power, incarnation, policyHash, cores, memoryMib, memoryFreeMib },
  };
}

function unknownNode({ id, name }: { id: string; name: string }): Heard {
  return {
    id,
    name,
    state: 'unknown',
    power: 'awake',
    ageMs: -1,
    incarnation: 0,
    version: '',
    http: '',
    mode: 'observe',
    cordoned: false,
    pausedMs: 0,
    policyHash: '',
    cores: 0,
    cpuPercent: 0,
    cpuNowPercent: 0,
    memoryMib: 0,
    memoryFreeMib: 0,
    diskReadBps: 0,
    diskWriteBps: 0,
    netRxBps: 0,
    netTxBps: 0,
    vms: 0,
  };
}

/** As if the node that it went to listed it already. */
const claimOf = ({ vm, to }: Passed, seen: Seen[]): Claim<Seen>[] =>
  seen.filter(s => s.report.node === to).map(at => ({ seen: at, vm }));

function vmStatus({ seen: { report: r, ageMs, stale }, vm }: Claim<Seen>): VmStatus {
  return {
    vm: vm.vm,
    name: vm.name,
    node: r.name,
    nodeId: r.node,
    state: vm.state,
    stale,
    ageMs,
    epoch: vm.epoch,
    cpuPercent: percent(vm.cpuMilli),
    cpuNowPercent: percent(vm.cpuNowMilli),
    memoryMib: vm.memoryMib,
    residentMib: vm.residentMib,
    vcpus: vm.vcpus,
    migration: vm.migration,
    pinnedMs: Math.max(0, vm.pinnedMs - ageMs),
    backoffMs: Math.max(0, vm.backoffMs - ageMs),
    diskReadBps: vm.diskReadBps,
    diskWriteBps: vm.diskWriteBps,
    netRxBps: vm.netRxBps,
    netTxBps: vm.netTxBps,
  };
}

/** Handoffs between other nodes, as far as their reports tell: one row each, the source's word first. */
function observed(seen: Seen[], own: HandoffStatus[]): HandoffStatus[] {
  const known = new Set(own.map(h => h.handoff));
  const names = new Map(seen.map(s => [s.report.node, s.report.name]));
  const vmNames = new Map(seen.flatMap(s => s.report.vms.map(v => [v.vm, v.name] as const)));
  const rows = new Map<string, HandoffStatus>();
  for (const role of ['source', 'target'] as const) {
    for (const { report } of seen) {
      for (const h of report.handoffs.filter(x => x.role === role && !known.has(x.handoff))) {
        if (rows.has(h.handoff)) continue;
        const peer = names.get(h.peer) ?? h.peer;
        rows.set(h.handoff, {
          handoff: h.handoff,
          vm: h.vm,
          name: vmNames.get(h.vm) ?? h.vm,
          source: role === 'source' ? report.name : peer,
          target: role === 'source' ? peer : report.name,
          role: 'observer',
          engine: h.engine,
          reason: '',
          relocation: report.relocation,
          stage: h.stage,
          inDoubt: h.inDoubt,
          outcome: '',
          detail: '',
          at: NEVER,
          ...NO_FIGURES,
        });
      }
    }
  }
  return [...rows.values()];
}

const NEVER: HandoffStatus['at'] = {
  decided: -1,
  offered: -1,
  accepted: -1,
  listening: -1,
  migrate: -1,
  stopped: -1,
  postmigrate: -1,
  committed: -1,
  run: -1,
  resumed: -1,
  transferred: -1,
  ended: -1,
};

function warnings(seen: Seen[], unheard: { id: string; name: string }[]): string[] {
  const found = unheard.map(m => `nothing was ever heard of ${m.name || m.id}`);
  for (const s of seen) {
    if (s.stale) found.push(`${s.report.name} has been silent for ${Math.round(s.ageMs / 1000)} s`);
  }
  const hashes = new Set(seen.map(s => s.report.policyHash));
  if (hashes.size > 1)
    found.push('the nodes run different policies or parameters: packing between them is refused');
  const named = new Map<string, Map<string, string>>();
  for (const { report } of seen) {
    for (const vm of report.vms) {
      named.set(vm.name, (named.get(vm.name) ?? new Map()).set(vm.vm, report.name));
    }
    for (const h of report.handoffs)
      if (h.inDoubt)
        found.push(`handoff ${h.handoff} is in doubt on ${report.name}: see \`shoal resolve ${h.vm}\` there`);
  }
  for (const { vm, nodes } of rivals(seen))
    found.push(`${vm.name} (${vm.vm}) is claimed by ${nodes.join(' and ')}: its moves are frozen`);
  for (const [name, nodes] of named) {
    if (nodes.size > 1)
      found.push(
        `${nodes.size} VMs are called ${name} (on ${[...nodes.values()].join(' and ')}): destroy one`,
      );
  }
  return found;
}
