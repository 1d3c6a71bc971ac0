/**
 * What a rule reads and what it answers. Integers only: CPU in thousandths, memory in MiB, time in ms
 * (policies.md section 0.2: floats compare differently on different machines).
 */
import type { Engine, LoadReport, Migration, Mode, VmState } from '@shoal/protocol';

export type VmView = {
  vm: string;
  name: string;
  state: VmState;
  /** Thousandths of one core, mean over the window. */
  cpuMilli: number;
  memoryMib: number;
  migration: Migration;
  pinnedMs: number;
  backoffMs: number;
  /** A handoff of it is running. */
  moving: boolean;
  labels: Readonly<Record<string, string>>;
};

export type NodeView = {
  node: string;
  name: string;
  incarnation: number;
  seq: number;
  /** Age of its newest report by receive time, ms. */
  ageMs: number;
  /**
   * `stale`: no report for longer than the limit: neither source nor target. `asleep`: by its own word. `unwakeable`: so, and it
   * did not wake when it was called: no capacity.
   */
  state: 'awake' | 'stale' | 'asleep' | 'unwakeable';
  mode: Mode;
  policyHash: string;
  cordoned: boolean;
  paused: boolean;
  cores: number;
  cpuPermille: number;
  /** How long the node has been overloaded (`isOverloaded`) without a break, ms. */
  overloadedForMs: number;
  windowFull: boolean;
  memoryMib: number;
  /** Less what the node keeps free for itself. */
  memoryFreeMib: number;
  /** It took VMs to pack others away and is idle still: packing goes on toward it (policy.md, sticky target). */
  elected: boolean;
  /** Since the last relocation that it took part in, ms; -1 = none. */
  sinceRelocationMs: number;
  /** Handoffs under way toward it and away from it. */
  inflow: number;
  outflow: number;
  vms: VmView[];
};

/** One node's picture of the cluster, nodes sorted by id bytewise. */
export type View = {
  /** The node that looks. */
  self: string;
  nodes: NodeView[];
};

/** All numbers of the threshold rule, each with the paper's value as default (`config.ts`). */
export type ThresholdConfig = {
  /** A VM is active from here on, thousandths of one core. Paper: 5 %. */
  activeVmMilli: number;
  /** A node is overloaded from here on. Paper: 90 %. */
  overloadPermille: number;
  /** A node is idle below this. Paper: 30 %. */
  idlePermille: number;
  /** How long an overload must hold, ms. Paper section 5: 0 (its window is the hold). */
  holdMs: number;
  /** After a relocation nothing is decided for so long, ms. Paper: 10 s. */
  cooldownMs: number;
  cooldownScope: 'cluster' | 'node';
  /** Whether a VM that comes back to a node rests (`VmView.backoffMs`), or moves as if it never had. The paper has none. */
  backoff: 'on' | 'off';
  /** Packing fills a node only up to overload minus this. */
  packMarginPermille: number;
  maxInflow: number;
  maxOutflow: number;
  /** So many nodes without VMs stay awake; -1: none of two nodes, else one. */
  hostsInReserve: number;
};

export type MoveReasonCode = 'overload' | 'consolidate';

/** What a node looks like before and after a move, as the rule projects it. */
export type Projected = {
  node: string;
  cpuBefore: number;
  cpuAfter: number;
  memoryFreeBefore: number;
  memoryFreeAfter: number;
};

export type Move = {
  vm: string;
  name: string;
  from: string;
  to: string;
  reason: MoveReasonCode;
  engine: Engine;
  /** Both nodes, before and after. */
  projected: Projected[];
  /** One sentence with numbers. */
  sentence: string;
};

export type RefusalCode =
  | 'asleep'
  | 'claimed'
  | 'cooldown'
  | 'pinned'
  | 'migration-never'
  | 'moving'
  | 'backoff'
  | 'cordoned'
  | 'paused'
  | 'fits-memory'
  | 'fits-cpu'
  | 'inflow'
  | 'outflow'
  | 'stale'
  | 'policy-differs'
  | 'window'
  | 'no-target'
  | 'no-gain'
  | 'mode'
  | 'hold'
  | 'not-running'
  | 'anti-affinity';

export type Refusal = {
  code: RefusalCode;
  /** VM and/or node that it is about; empty = the whole decision. */
  vm: string;
  node: string;
  numbers: Record<string, number>;
  sentence: string;
};

/** A node that was looked at as a place for a VM that should move, and what was found. */
export type Candidate = {
  vm: string;
  node: string;
  /** `fits`: it would have done, another was better. */
  verdict: 'chosen' | 'fits' | 'refused';
  /** Why not; empty unless refused. */
  code: RefusalCode | '';
  /** The node with the VM, thousandths and MiB. */
  cpuAfter: number;
  memoryFreeAfter: number;
};

export type Decision = {
  moves: Move[];
  refusals: Refusal[];
  candidates: Candidate[];
  /** Nodes that the rule wants awake, and for which VM. */
  wake: { node: string; vm: string }[];
  /** Nodes that need not be awake. */
  suspend: string[];
};

export type Policy<C> = {
  name: string;
  version: number;
  decide(view: View, config: C): Decision;
};

export type { LoadReport };
