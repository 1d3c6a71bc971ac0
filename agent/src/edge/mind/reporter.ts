/**
 * Makes this node's load report: its own means, rounded to integers once, here, so that every node decides on the
 * same numbers (policies.md, section 0.2).
 */

import type { HandoffLoad, LoadReport, Mode, VmLoad, VmState } from '@shoal/protocol';
import * as limit from '@shoal/protocol';
import { decayed } from '../../core/vm/backoff.ts';
import type { Time } from '../clock.ts';
import type { Load, Sampler } from '../sampler/sampler.ts';
import type { OwnedVm } from '../vms/record.ts';

export type Identity = { node: string; name: string; incarnation: number; version: string };

export type ReportInputs = {
  identity: Identity;
  addresses: string[];
  http: string;
  mode: Mode;
  policyHash: string;
  cordoned: boolean;
  pausedMs: number;
  cores: number;
  cooldownMs: number;
  memoryMib: number;
  memoryFreeMib: number;
  relocation: { id: string; atMs: number } | undefined;
  elected: boolean;
  vms: OwnedVm[];
  handoffs: HandoffLoad[];
};

/** What no peer would take would silence this node: a strange figure is the nearest that can be said. */
const round = (value: number, max = Number.MAX_SAFE_INTEGER): number =>
  Math.min(max, Math.max(0, Math.round(value) || 0));

export function makeReport(inputs: ReportInputs, seq: number, sampler: Sampler, clock: Time): LoadReport {
  const node = sampler.node();
  const permille = (milli: number) => round(milli / inputs.cores, limit.CPU_PERMILLE_MAX);
  return {
    ...inputs.identity,
    seq,
    // A host with a dozen bridges has more of them than a report holds.
    addresses: inputs.addresses.slice(0, limit.ADDRESSES_MAX),
    http: inputs.http,
    mode: inputs.mode,
    policyHash: inputs.policyHash,
    cordoned: inputs.cordoned,
    pausedMs: round(inputs.pausedMs),
    cores: inputs.cores,
    cpuPermille: permille(node.mean.cpuMilli),
    cpuNowPermille: permille(node.cpuNowMilli),
    windowFull: node.full,
    memoryMib: round(inputs.memoryMib),
    memoryFreeMib: round(inputs.memoryFreeMib, round(inputs.memoryMib)),
    ...io(node),
    sinceRelocationMs: inputs.relocation ? round(clock.nowMs() - inputs.relocation.atMs) : -1,
    relocation: inputs.relocation?.id ?? '',
    vms: inputs.vms.map(vm => vmLoad(vm, inputs, sampler.vm(vm.record.spec.vm), clock)),
    handoffs: inputs.handoffs,
    elected: inputs.elected,
  };
}

function vmLoad(owned: OwnedVm, inputs: ReportInputs, load: Load | undefined, clock: Time): VmLoad {
  const { spec, epoch, pinnedUntilMs, backoff } = owned.record;
  const left = (untilMs: number) => round(untilMs - clock.wallMs(), limit.AGE_MS_MAX);
  return {
    vm: spec.vm,
    name: spec.name,
    epoch,
    state: state(owned, inputs.handoffs),
    cpuMilli: round(load?.mean.cpuMilli ?? 0, limit.CPU_MILLI_MAX),
    cpuNowMilli: round(load?.cpuNowMilli ?? 0, limit.CPU_MILLI_MAX),
    memoryMib: spec.memoryMib,
    residentMib: round(load?.mean.residentMib ?? 0, limit.MEMORY_MIB_MAX),
    ...io(load),
    vcpus: spec.vcpus,
    migration: spec.migration,
    pinnedMs: left(pinnedUntilMs),
    backoffLevel: decayed(backoff, inputs.cooldownMs, clock.wallMs()),
    backoffMs: left(backoff.untilMs),
  };
}

/** A handoff knows more about its VM than the VMM does. */
function state(owned: OwnedVm, handoffs: HandoffLoad[]): VmState {
  const handoff = handoffs.find(h => h.vm === owned.record.spec.vm);
  if (handoff?.inDoubt) return 'in-doubt';
  if (handoff?.role === 'target' && owned.state === 'running') return 'degraded';
  return owned.state;
}

function io(load: Load | undefined) {
  return {
    diskReadBps: round(load?.mean.diskReadBps ?? 0, limit.RATE_BPS_MAX),
    diskWriteBps: round(load?.mean.diskWriteBps ?? 0, limit.RATE_BPS_MAX),
    netRxBps: round(load?.mean.netRxBps ?? 0, limit.RATE_BPS_MAX),
    netTxBps: round(load?.mean.netTxBps ?? 0, limit.RATE_BPS_MAX),
  };
}
