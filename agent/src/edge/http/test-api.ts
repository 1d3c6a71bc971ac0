/** For tests alone: an AgentApi over fixed data that notes what it was asked to change. */
import type { LoadReport, Mode, Register } from '@shoal/protocol';
import type { Word } from '../../core/handoff/doubt.ts';
import { ShoalError } from '../../errors.ts';
import type {
  AgentApi,
  ClusterStatus,
  DecisionRecord,
  DoubtStatus,
  HandoffStatus,
  MemberStatus,
  NodeStatus,
  PolicyStatus,
  RegisterStatus,
  VmStatus,
} from './api.types.ts';

const io = { diskReadBps: 0, diskWriteBps: 0, netRxBps: 1_250_000, netTxBps: 12_000 };

export const aNode = (name: string, more: Partial<NodeStatus> = {}): NodeStatus => ({
  id: `12D3KooW${name.padEnd(44, 'x')}`,
  name,
  state: 'awake',
  power: 'awake',
  slept: { sleeps: 0, seconds: 0, wattHours: 0 },
  lastWake: null,
  sleepTest: null,
  ageMs: 412,
  incarnation: 3,
  version: '0.1.0',
  http: '198.18.0.1:7421',
  mode: 'auto',
  cordoned: false,
  pausedMs: 0,
  policyHash: '0f3a5c7712345678',
  cores: 1,
  cpuPercent: 70.4,
  cpuNowPercent: 71.9,
  memoryMib: 8192,
  memoryFreeMib: 5120,
  ...io,
  vms: 1,
  ...more,
});

export const aVm = (name: string, node: string, more: Partial<VmStatus> = {}): VmStatus => ({
  vm: `00000000-0000-4000-8000-${name.padStart(12, '0')}`,
  name,
  node,
  nodeId: aNode(node).id,
  state: 'running',
  stale: false,
  ageMs: 412,
  epoch: 2,
  cpuPercent: 50.3,
  cpuNowPercent: 48.8,
  memoryMib: 1024,
  residentMib: 731,
  vcpus: 1,
  migration: 'postcopy',
  pinnedMs: 0,
  backoffMs: 0,
  ...io,
  ...more,
});

export const aHandoff = (more: Partial<HandoffStatus> = {}): HandoffStatus => ({
  handoff: 'a1b2c3d4-0000-4000-8000-000000000001',
  vm: aVm('vm1', 'node1').vm,
  name: 'vm1',
  source: 'node0',
  target: 'node1',
  role: 'source',
  engine: 'postcopy',
  reason: 'overload',
  relocation: 'feedfacefeedface',
  stage: 'released',
  inDoubt: false,
  outcome: 'done',
  detail: '',
  at: {
    decided: 1000,
    offered: 1003,
    accepted: 1009,
    listening: 1200,
    migrate: 1250,
    stopped: 1260,
    postmigrate: 1300,
    committed: 1310,
    run: 1311,
    resumed: 1322,
    transferred: 7322,
    ended: 7400,
  },
  wireBytes: 741_000_000,
  bytes: { urgent: 3_325_952, bulk: 730_677_248, state: 300_000, control: 6_696_800 },
  ...{ packedFromBytes: 0, packedBytes: 0, packedExtents: 0, releasedBytes: 0 },
  dataBytes: 734_003_200,
  streamBytes: 300_000,
  dataPages: 179_200,
  residualPages: 0,
  residualBytes: 0,
  bytesPerSecond: 0,
  windowBytes: 131_072,
  secondsLeft: 0,
  reconnects: 0,
  linkLostMs: -1,
  silentMs: -1,
  faults: {
    count: 812,
    sumUs: 402_000,
    p50Us: 410,
    p99Us: 1900,
    maxUs: 5200,
    buckets: [0, 0, 0, 12, 700, 50, 20, 10, 18, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0],
  },
  blocked: [
    { thread: 'CPU 0/KVM', us: 310_000, faults: 640 },
    { thread: 'CPU 1/KVM', us: 92_000, faults: 172 },
  ],
  pagesCpuMs: 900,
  ...more,
});

export class TestApi implements AgentApi {
  readonly asked: unknown[] = [];
  cluster: ClusterStatus;
  handoffRows: HandoffStatus[] = [aHandoff()];
  decisionRows: DecisionRecord[] = [];
  reportRows: LoadReport[] = [];
  faults: string[] = [];
  failWith: unknown;
  console = '';
  /** What `stop` answers. */
  forced = false;

  constructor(
    nodes: NodeStatus[] = [aNode('node0'), aNode('node1')],
    vms: VmStatus[] = [aVm('vm1', 'node1')],
  ) {
    this.cluster = {
      node: nodes[0]!.name,
      nodeId: nodes[0]!.id,
      version: '0.1.0',
      mode: 'auto',
      policy: 'threshold',
      policyHash: '0f3a5c7712345678',
      cooldownMs: 0,
      pausedMs: 0,
      https: { address: '', fingerprint: '' },
      nodes,
      vms,
      handoffs: [],
      warnings: [],
    };
  }

  #note(...what: unknown[]): void {
    if (this.failWith) throw this.failWith;
    this.asked.push(what);
  }
  #vm(name: string): VmStatus {
    const vm = this.cluster.vms.find(v => v.name === name || v.vm === name);
    if (vm) return vm;
    throw new ShoalError('SHOAL_VM_UNKNOWN', 'no VM has that name', name, 'See `shoal vms`');
  }

  status = () => this.cluster;
  decisions = async (limit: number) => this.decisionRows.slice(0, limit);
  handoffs = async (limit: number) => this.handoffRows.slice(0, limit);
  handoff = async (id: string) => this.handoffRows.find(h => h.handoff === id);
  explain = async (subject: string) => {
    this.#vm(subject);
    return { subject, sentences: [`${subject} is running.`, 'The rule asks for nothing.'], decision: null };
  };
  history = async (subject: string, sinceMs: number) =>
    [0, 1, 2].map(i => ({ atMs: sinceMs + i * 1000, subject, cpuPercent: 10 * i, memoryMib: 731 }));
  reports = () => this.reportRows;
  health = () => ({ ok: this.faults.length === 0, faults: this.faults });
  #change<T>(dry: boolean, answer: T, ...what: unknown[]): T | { would: string } {
    this.#note(...what, ...(dry ? ['dry'] : []));
    return dry ? { would: `${what.join(' ')}: nothing hinders it` } : answer;
  }
  run = async (spec: unknown, dry: boolean) => {
    const made = { vm: aVm('vm9', 'node0').vm, name: String((spec as { name: string }).name) };
    return this.#change(dry, made, 'run', spec);
  };
  start = async (vm: string, dry: boolean) => this.#change(dry, undefined, 'start', this.#vm(vm).name);
  stop = async (vm: string, dry: boolean) =>
    this.#change(dry, { forced: this.forced }, 'stop', this.#vm(vm).name);
  destroy = async (vm: string, dry: boolean) => this.#change(dry, undefined, 'destroy', this.#vm(vm).name);
  migrate = async (
    vm: string,
    node: string | undefined,
    engine: string | undefined,
    dry: boolean,
    wishes: object = {},
  ) => {
    const { handoff } = this.handoffRows[0]!;
    const moving = { handoff, source: this.cluster.node, node: 'node0', pinnedMs: 3_600_000 };
    const wished = Object.keys(wishes).length > 0 ? [wishes] : [];
    return this.#change(dry, moving, 'migrate', this.#vm(vm).name, node, engine, ...wished);
  };
  memberRows: MemberStatus[] = [];
  registerRows: RegisterStatus[] = [];
  members = () => this.memberRows;
  registers = () => this.registerRows;
  policyNow: PolicyStatus = {
    name: 'threshold',
    hash: '0f3a5c7712345678',
    numbers: { overloadPercent: 90, cooldownScope: 'cluster' },
    said: [],
  };
  policy = () => this.policyNow;
  submit = async (register: Register, dry: boolean) => this.#change(dry, undefined, 'submit', register);
  mode = async (mode: Mode, dry: boolean) => this.#change(dry, undefined, 'mode', mode);
  cancel = async (vm: string, dry: boolean) => this.#change(dry, undefined, 'cancel', this.#vm(vm).name);
  cordon = async (on: boolean, dry: boolean) => this.#change(dry, undefined, 'cordon', on);
  sleep = async (test: boolean, dry: boolean) => this.#change(dry, undefined, 'sleep', test);
  wake = async (node: string, dry: boolean) => this.#change(dry, undefined, 'wake', node);
  pause = async (ttlMs: number, dry: boolean) => this.#change(dry, undefined, 'pause', ttlMs);
  resume = async (dry: boolean) => this.#change(dry, undefined, 'resume');
  doubt = (vm: string): DoubtStatus => ({
    vm: this.#vm(vm).vm,
    name: this.#vm(vm).name,
    handoff: this.handoffRows[0]!.handoff,
    role: 'source',
    peer: 'node0',
    record: 'committed',
    ageMs: 12_000,
    sentences: ['The newest record here is `committed`.', 'node0 last said `ready`.'],
    words: ['peer-is-off'],
  });
  resolve = async (vm: string, word: Word, by: string, dry: boolean) =>
    this.#change(
      dry,
      { handoff: this.handoffRows[0]!.handoff, word },
      'resolve',
      this.#vm(vm).name,
      word,
      by,
    );
  unpin = async (vm: string, dry: boolean) => this.#change(dry, undefined, 'unpin', this.#vm(vm).name);
  consolePath = (vm: string) => {
    this.#vm(vm);
    return this.console;
  };
}
