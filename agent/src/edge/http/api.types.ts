/**
 * What any node answers over HTTP and its unix socket, and what the agent offers behind it.
 * `GET /v1/status` is the whole cluster as the asked node sees it. Ages are ms by that node's monotonic clock.
 */

import type { Decision, View } from '@shoal/policies';
import type { Engine, LoadReport, Mode, MoveReason, Register, VmState } from '@shoal/protocol';
import type { Word } from '../../core/handoff/doubt.ts';
import type { Held } from '../../core/own-rows.ts';
import type { Slept } from '../../core/power/saved.ts';
import type { PowerState } from '../../core/power/table.ts';
import type { Blocked, FaultStats, PageWishes } from '../pages/types.ts';

export type NodeStatus = {
  id: string;
  name: string;
  state: 'awake' | 'stale' | 'asleep' | 'unknown';
  /** What the asked node knows of its power: of itself all, of others what its own calls came to. */
  power: PowerState;
  /** By its own count: sleeps, their time, and what they saved by the watts of its configuration (0: not known). */
  slept: Slept;
  /** Its last wake by a peer; null: none is known. */
  lastWake: { by: string; method: string; seconds: number; atMs: number } | null;
  /** Of the supervised test on its hardware; null: there was none. */
  sleepTest: {
    passed: boolean;
    why: string;
    sleptSeconds: number;
    wakeSeconds: number;
    method: string;
    atMs: number;
  } | null;
  ageMs: number;
  incarnation: number;
  version: string;
  http: string;
  mode: Mode;
  cordoned: boolean;
  pausedMs: number;
  policyHash: string;
  cores: number;
  cpuPercent: number;
  cpuNowPercent: number;
  memoryMib: number;
  memoryFreeMib: number;
  diskReadBps: number;
  diskWriteBps: number;
  netRxBps: number;
  netTxBps: number;
  vms: number;
};

export type VmStatus = {
  vm: string;
  name: string;
  /** Node name and id. */
  node: string;
  nodeId: string;
  state: VmState;
  /** Its node is silent: all of this is old. */
  stale: boolean;
  ageMs: number;
  epoch: number;
  /** Of one core. */
  cpuPercent: number;
  cpuNowPercent: number;
  memoryMib: number;
  residentMib: number;
  vcpus: number;
  migration: string;
  pinnedMs: number;
  backoffMs: number;
  diskReadBps: number;
  diskWriteBps: number;
  netRxBps: number;
  netTxBps: number;
};

/** What a handoff costs by the page server of the asked node, live; -1 = not known here. Kept as it was at the end. */
export type HandoffFigures = {
  /** On all connections, both directions, TLS included. */
  wireBytes: number;
  /**
   * Of these, payload: `urgent` pages that somebody waited for, `bulk` pages unasked, `state` the VMM's stream (under
   * `precopy` and `qemu-postcopy` memory goes with it). `control` is the rest: frames, map, credits, TLS.
   */
  bytes: { urgent: number; bulk: number; state: number; control: number };
  /** Pages that travelled packed: their bytes, on the wire, and in how many extents. */
  packedFromBytes: number;
  packedBytes: number;
  packedExtents: number;
  /** Memory that was given back before the end (early release); the source's. */
  releasedBytes: number;
  /** Pages in place (target) or sent (source). */
  dataBytes: number;
  streamBytes: number;
  /** All that have data, and how many of them are not in place (target) or not sent (source). */
  dataPages: number;
  residualPages: number;
  residualBytes: number;
  /** Of pages and stream now. */
  bytesPerSecond: number;
  /** Most of bulk in flight now; the source's. */
  windowBytes: number;
  /** At the rate of the last second or so; -1 while nothing comes. */
  secondsLeft: number;
  reconnects: number;
  /** For how long the two page servers have had no link; -1 while they have one. */
  linkLostMs: number;
  /** Since the last byte of a page came or went; -1 while none is missing. A link may be dead long before that is known. */
  silentMs: number;
  /** Waits for pages of data; the target's. `buckets`: see `FAULT_BOUNDS_US` and docs/metrics.md. */
  faults: FaultStats;
  /** How long which threads of the VMM stood for pages, longest first; the target's. */
  blocked: Blocked[];
  pagesCpuMs: number;
};

/** One handoff as the asked node knows it. */
export type HandoffStatus = HandoffFigures & {
  handoff: string;
  vm: string;
  name: string;
  source: string;
  target: string;
  role: 'source' | 'target' | 'observer';
  engine: Engine;
  /** Empty when this node only observes. */
  reason: MoveReason | '';
  relocation: string;
  stage: string;
  inDoubt: boolean;
  /** `done`, `aborted`, `retaken`, `lost`, `resolved`, `yielded`, `refused`, or empty while it runs. */
  outcome: string;
  /** Why it ended as it did, one sentence. */
  detail: string;
  /** This node's monotonic clock (CLOCK_MONOTONIC, ms), -1 = not reached. Comparable only on one machine (the lab). */
  at: {
    decided: number;
    offered: number;
    accepted: number;
    listening: number;
    migrate: number;
    stopped: number;
    postmigrate: number;
    committed: number;
    run: number;
    resumed: number;
    transferred: number;
    ended: number;
  };
};

export type ClusterStatus = {
  /** Name and id of the node that answers. */
  node: string;
  nodeId: string;
  version: string;
  mode: Mode;
  policy: string;
  policyHash: string;
  cooldownMs: number;
  pausedMs: number;
  /** Of the node that answers; both empty when it does not offer HTTPS. To be pinned only from the node's own socket. */
  https: { address: string; fingerprint: string };
  nodes: NodeStatus[];
  vms: VmStatus[];
  handoffs: HandoffStatus[];
  /** What this node does not know or does not like, in sentences. */
  warnings: string[];
};

/** One node that is a member, or was removed. */
export type MemberStatus = {
  id: string;
  name: string;
  addresses: string[];
  state: 'member' | 'removed';
  /** Where that stands: in the configuration of the node that answers, or in an operator's register, which goes before. */
  by: 'config' | 'register';
  connected: boolean;
};

/** A register as the asked node holds it (protocol/README.md, Registers). */
export type RegisterStatus = {
  key: string;
  value: string;
  counter: number;
  author: string;
  /** Since it was written, as far as this node knows. */
  ageMs: number;
};

/** The rule's numbers as they hold on the node that answers, in the configuration's names and units. */
export type PolicyStatus = {
  name: string;
  hash: string;
  numbers: Record<string, number | string>;
  /** Which of them an operator's register says, for the whole mesh. */
  said: string[];
};

/** A frozen decision (policy.md, Explain). `atMs` is wall clock, for people. */
export type DecisionRecord = {
  id: string;
  atMs: number;
  rule: string;
  policyHash: string;
  /** All numbers of the rule. */
  config: Readonly<Record<string, unknown>>;
  viewDigest: string;
  basis: { node: string; incarnation: number; seq: number }[];
  /** The inputs: `decide(view, config)` gives `decision` again. */
  view: View;
  decision: Decision;
  /** Own rows that were not carried out, by what this node knows of itself, with reasons. */
  held: Held[];
  /** What this node did about its own rows: `acted`, `advised`, `observed`, `paused`, `held`, `nothing`. */
  action: string;
};

export type Explanation = { subject: string; sentences: string[]; decision: DecisionRecord | null };

export type HistoryPoint = { atMs: number; subject: string; cpuPercent: number; memoryMib: number };

/** A manual move that was accepted: by which handoff, from which node to which, and how long the rule leaves the VM there. */
export type Moving = { handoff: string; source: string; node: string; pinnedMs: number };

/** A handoff that is under way on the node that answers, as far as it knows. Ages in ms. */
export type DoubtStatus = {
  vm: string;
  name: string;
  handoff: string;
  role: 'source' | 'target';
  peer: string;
  /** The newest on this node's disk. */
  record: string;
  ageMs: number;
  sentences: string[];
  /** What an operator may say to end it now. */
  words: Word[];
};

/** An operator's word was taken, and is on the disk. */
export type Resolved = { handoff: string; word: Word };

/** The answer to a change with `dry`: it would be accepted here, and do this. Nothing was done. */
export type Would = { would: string };

/** What the agent offers to its HTTP server, unix socket and CLI. Changes reject with a ShoalError, with `dry` too. */
export interface AgentApi {
  status(): ClusterStatus;
  decisions(limit: number): Promise<DecisionRecord[]>;
  handoffs(limit: number): Promise<HandoffStatus[]>;
  handoff(id: string): Promise<HandoffStatus | undefined>;
  explain(subject: string): Promise<Explanation>;
  history(subject: string, sinceMs: number): Promise<HistoryPoint[]>;
  reports(): LoadReport[];
  members(): MemberStatus[];
  registers(): RegisterStatus[];
  policy(): PolicyStatus;
  /** A register that was signed with an operator's key, for all nodes. */
  submit(register: Register, dry: boolean): Promise<undefined | Would>;
  mode(mode: Mode, dry: boolean): Promise<undefined | Would>;
  health(): { ok: boolean; faults: string[] };
  /** `spec` as parsed YAML, not yet checked. */
  run(spec: unknown, dry: boolean): Promise<{ vm: string; name: string } | Would>;
  /** A stopped or crashed VM of this node starts again. */
  start(vm: string, dry: boolean): Promise<undefined | Would>;
  /** Resolves when the guest is gone; `forced`: it did not power down in its time. */
  stop(vm: string, dry: boolean): Promise<{ forced: boolean } | Would>;
  destroy(vm: string, dry: boolean): Promise<undefined | Would>;
  /** Starts a manual move and pins the VM there; resolves when it is offered and accepted. `wishes`: else as configured. */
  migrate(
    vm: string,
    node: string | undefined,
    engine: Engine | undefined,
    dry: boolean,
    wishes?: PageWishes,
  ): Promise<Moving | Would>;
  cancel(vm: string, dry: boolean): Promise<undefined | Would>;
  doubt(vm: string): DoubtStatus;
  /** `by`: who gives that word. Refused where it could let the VM run twice. */
  resolve(vm: string, word: Word, by: string, dry: boolean): Promise<Resolved | Would>;
  cordon(on: boolean, dry: boolean): Promise<undefined | Would>;
  /** This node, if every member agrees; `test`: a peer wakes it after a while. */
  sleep(test: boolean, dry: boolean): Promise<undefined | Would>;
  /** A node that sleeps, by its name or id. Resolves when it is being called. */
  wake(node: string, dry: boolean): Promise<undefined | Would>;
  pause(ttlMs: number, dry: boolean): Promise<undefined | Would>;
  resume(dry: boolean): Promise<undefined | Would>;
  unpin(vm: string, dry: boolean): Promise<undefined | Would>;
  consolePath(vm: string): string;
}
