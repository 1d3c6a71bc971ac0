/** Everything that the HTTP server, the unix socket and the CLI can ask of this agent, in one object. */
import type { LoadReport } from '@shoal/protocol';
import type { History } from '../history.ts';
import type { AgentApi, ClusterStatus, DecisionRecord, HandoffStatus } from '../http/api.types.ts';
import type { Decider } from '../mind/decider.ts';
import { checkPause, type Flags } from '../registers/flags.ts';
import type { Registers } from '../registers/registers.ts';
import type { Records } from '../store/records.ts';
import type { VmHost } from '../vmm/types.ts';
import { POWERDOWN_MS } from '../vms/vms.ts';
import { runningVm } from './actions.ts';
import * as change from './changes.ts';
import { explain } from './explain.ts';
import { memberList, type PolicyNow, policyStatus, registerList, submitChange } from './members.ts';
import { type PowerDeps, sleepChange, wakeChange } from './power.ts';
import { doubtOf, type ResolveDeps, resolveChange } from './resolve.ts';

export type ApiDeps = Omit<change.ChangesDeps, 'checkPause' | 'powerdownMs'> & {
  host: VmHost;
  flags: Flags;
  history: History;
  decider: Decider;
  decisions: Records<DecisionRecord>;
  /** Running and ended handoffs of this node, newest first. */
  handoffs(limit: number): Promise<HandoffStatus[]>;
  /** One of this node, running or ended. */
  handoff(id: string): Promise<HandoffStatus | undefined>;
  reports(): LoadReport[];
  registers: Registers;
  policy: PolicyNow;
  resolving: ResolveDeps;
  power: PowerDeps['power'];
  suspend: PowerDeps['suspend'];
  /** Connected ones. */
  peers(): string[];
  health(): string[];
  /** Resolves when a report of now is out. */
  tellNow(): Promise<void>;
};

/** How far `explain` looks back for the last move of its subject. */
const EXPLAIN_LOOKS_BACK = 50;

export function createApi(given: ApiDeps): AgentApi {
  const deps = { ...given, checkPause, powerdownMs: POWERDOWN_MS };
  const { decisions } = deps;
  const made = <T>(wanted: change.Change<T> | Promise<change.Change<T>>, dry: boolean) =>
    change.made(wanted, dry, () => deps.tellNow());
  return {
    status: (): ClusterStatus => deps.status(),
    decisions: limit => decisions.last(limit),
    handoffs: limit => deps.handoffs(limit),
    handoff: id => deps.handoff(id),
    explain: async subject =>
      explain(subject, deps.status(), deps.decider.latest(), await decisions.last(EXPLAIN_LOOKS_BACK)),
    history: (subject, sinceMs) => deps.history.of(subject, sinceMs),
    reports: () => deps.reports(),
    members: () => memberList(deps.registers, deps.peers()),
    registers: () => registerList(deps.registers),
    submit: async (register, dry) => made(submitChange(register, deps.registers, deps.policy), dry),
    policy: () => policyStatus(deps.policy),
    mode: async (mode, dry) => made(change.modeChange(mode, deps), dry),
    health: () => {
      const faults = deps.health();
      return { ok: faults.length === 0, faults };
    },
    run: async (spec, dry) => made(change.runChange(spec, deps), dry),
    start: async (name, dry) => made(change.startChange(name, deps), dry),
    stop: async (name, dry) => made(change.stopChange(name, deps), dry),
    destroy: async (name, dry) => made(change.destroyChange(name, deps), dry),
    migrate: async (name, node, engine, dry, wishes) =>
      made(change.migrateChange(name, node, engine, deps, wishes), dry),
    cancel: async (name, dry) => made(change.cancelChange(name, deps), dry),
    doubt: name => doubtOf(name, deps.resolving),
    resolve: async (name, word, by, dry) => made(resolveChange(name, word, by, deps.resolving), dry),
    cordon: async (on, dry) => made(change.cordonChange(on, deps), dry),
    sleep: async (test, dry) => made(sleepChange(test, deps), dry),
    wake: async (name, dry) => made(wakeChange(name, deps), dry),
    pause: async (ttlMs, dry) => made(change.pauseChange(ttlMs, deps), dry),
    resume: async dry => made(change.resumeChange(deps), dry),
    unpin: async (name, dry) => made(change.unpinChange(name, deps), dry),
    consolePath: name => deps.host.paths(runningVm(name, deps).record.spec).console,
  };
}
