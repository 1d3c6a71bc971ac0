/**
 * The load report: what a node publishes about itself, once a second, on the gossip topic.
 * Every figure that the rule reads is the sender's own mean over its window (10 s by default), so that all nodes
 * decide on the same numbers (paper section 5; `docs/decisions/0006-figures-by-the-sender.md`).
 * The author is proven by gossipsub's strict signature: `node` must equal the signer.
 */

import { Bad } from '../errors.ts';
import { flag, int, list, oneOf, since, struct, text } from '../fields.ts';
import * as kind from '../kinds.ts';
import * as limit from '../limits.ts';
import { unique } from '../message.ts';

/** What a VM is, as its node sees it. `degraded`: runs while pages are still on the source. */
export type VmState =
  | 'starting'
  | 'running'
  | 'degraded'
  | 'paused'
  | 'stopped'
  | 'crashed'
  | 'in-doubt'
  | 'lost';

/** How a VM may be moved; `never` leaves it where it is. */
export type Migration = 'postcopy' | 'precopy' | 'qemu-postcopy' | 'never';

export type Engine = 'postcopy' | 'warm' | 'precopy' | 'qemu-postcopy';

/** Whether the page servers move the memory, and not the VMM's own stream. */
export const movesPages = (engine: Engine): boolean => engine === 'postcopy' || engine === 'warm';

export type Mode = 'observe' | 'advise' | 'auto';

/** One VM in a load report. Rates are bytes per second over the window. */
export type VmLoad = {
  /** UUID, minted when the VM was created. */
  vm: string;
  /** A label for people; clashes are refused at creation. */
  name: string;
  /** Count of ownerships; a higher one wins (`handoff.md`, Identity). */
  epoch: number;
  state: VmState;
  /** Mean over the window, thousandths of one core. */
  cpuMilli: number;
  /** The last second alone: for people, never for the rule. */
  cpuNowMilli: number;
  /** Guest RAM as configured, MiB. */
  memoryMib: number;
  /** Resident on this node, MiB. */
  residentMib: number;
  diskReadBps: number;
  diskWriteBps: number;
  netRxBps: number;
  netTxBps: number;
  vcpus: number;
  migration: Migration;
  /** Left of a time-boxed pin, ms; 0 = not pinned. */
  pinnedMs: number;
  /** How often it came back to a node that it had left lately; 0 = never (policy.md, backoff). */
  backoffLevel: number;
  /** Left of its backoff, ms; 0 = none. */
  backoffMs: number;
};

/** A running handoff, as one of its two nodes sees it. */
export type HandoffLoad = {
  handoff: string;
  vm: string;
  role: 'source' | 'target';
  /** Peer id of the other node. */
  peer: string;
  engine: Engine;
  /** State of this side's journal (`preparing`, `loading`, …) . */
  stage: string;
  /** Since when it stands there, ms. */
  ageMs: number;
  inDoubt: boolean;
};

export type LoadReport = {
  /** Peer id. */
  node: string;
  name: string;
  /** Persisted before use, one higher at each start of the agent. */
  incarnation: number;
  /** Counts the reports of one incarnation from 1. */
  seq: number;
  /** Shoal's version, for people. */
  version: string;
  /** Multiaddrs that peers can dial. */
  addresses: string[];
  /** `host:port` of the HTTP API, or empty. */
  http: string;
  mode: Mode;
  /** First 16 hex digits of SHA-256 over policy name, version and parameters. */
  policyHash: string;
  cordoned: boolean;
  /** Moves are paused on this node for so long yet, ms; 0 = not paused. */
  pausedMs: number;
  /** Cores given to VMs. */
  cores: number;
  /** Mean over the window, thousandths of those cores together: 1000 = all of them busy. */
  cpuPermille: number;
  cpuNowPermille: number;
  /** False until the window holds only samples that no move disturbed. */
  windowFull: boolean;
  /** Memory for guest RAM in all, and what is neither used nor reserved by an accepted handoff, MiB. */
  memoryMib: number;
  memoryFreeMib: number;
  diskReadBps: number;
  diskWriteBps: number;
  netRxBps: number;
  netTxBps: number;
  /** Since the last relocation that this node took part in, ms; -1 = none yet. */
  sinceRelocationMs: number;
  /** Id of that relocation, or empty. */
  relocation: string;
  vms: VmLoad[];
  handoffs: HandoffLoad[];
  /** It took VMs to pack others away and is idle still: packing goes on toward it (policy.md, sticky target). */
  elected: boolean;
};

const vmState = oneOf('starting', 'running', 'degraded', 'paused', 'stopped', 'crashed', 'in-doubt', 'lost');

const vmLoad = struct<VmLoad>({
  vm: kind.uuid,
  name: kind.name,
  epoch: kind.positive,
  state: vmState,
  cpuMilli: kind.cpuMilli,
  cpuNowMilli: kind.cpuMilli,
  memoryMib: kind.memoryMib,
  residentMib: kind.memoryMib,
  diskReadBps: kind.rateBps,
  diskWriteBps: kind.rateBps,
  netRxBps: kind.rateBps,
  netTxBps: kind.rateBps,
  vcpus: int(1, limit.CORES_MAX),
  migration: kind.migration,
  pinnedMs: kind.ageMs,
  backoffLevel: int(0, 64),
  backoffMs: kind.ageMs,
});

const handoffLoad = struct<HandoffLoad>({
  handoff: kind.uuid,
  vm: kind.uuid,
  role: oneOf('source', 'target'),
  peer: kind.peerId,
  engine: kind.engine,
  stage: text(32),
  ageMs: kind.ageMs,
  inDoubt: flag,
});

export const loadReport = {
  number: 1,
  name: 'load-report',
  kind: struct<LoadReport>({
    node: kind.peerId,
    name: kind.name,
    incarnation: kind.positive,
    seq: kind.positive,
    version: text(32),
    addresses: list(text(limit.ADDRESS_BYTES_MAX), limit.ADDRESSES_MAX),
    http: text(limit.ADDRESS_BYTES_MAX),
    mode: kind.mode,
    policyHash: kind.hash16OrEmpty,
    cordoned: flag,
    pausedMs: kind.ageMs,
    cores: int(1, limit.CORES_MAX),
    cpuPermille: int(0, limit.CPU_PERMILLE_MAX),
    cpuNowPermille: int(0, limit.CPU_PERMILLE_MAX),
    windowFull: flag,
    memoryMib: kind.memoryMib,
    memoryFreeMib: kind.memoryMib,
    diskReadBps: kind.rateBps,
    diskWriteBps: kind.rateBps,
    netRxBps: kind.rateBps,
    netTxBps: kind.rateBps,
    sinceRelocationMs: int(-1, limit.AGE_MS_MAX),
    relocation: kind.hash16OrEmpty,
    vms: list(vmLoad, limit.VMS_MAX),
    handoffs: list(handoffLoad, limit.HANDOFFS_MAX),
    elected: since(flag, false),
  }),
  relations(report: LoadReport): void {
    unique('vms', report.vms, v => v.vm);
    unique('handoffs', report.handoffs, h => h.handoff);
    if (report.memoryFreeMib > report.memoryMib)
      throw new Bad('relation', 'memoryFreeMib', `is more than the ${report.memoryMib} MiB that there are`);
  },
} as const;
