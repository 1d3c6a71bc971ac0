/** Everything that the HTTP server, the unix socket and the CLI can ask of this agent, in one object. */
import type { Engine, LoadReport } from '@shoal/protocol';
import { ShoalError } from '../../errors.ts';
import type { Flags } from '../flags.ts';
import type { History } from '../history.ts';
import type { AgentApi, ClusterStatus, DecisionRecord, HandoffStatus } from '../http/api.types.ts';
import type { Decider } from '../mind/decider.ts';
import type { Records } from '../store/records.ts';
import type { VmHost } from '../vmm/types.ts';
import { type ActionsDeps, migrateVm, ownedVm, runVm } from './actions.ts';
import { explain } from './explain.ts';

export type ApiDeps = ActionsDeps & {
  host: VmHost;
  flags: Flags;
  history: History;
  decider: Decider;
  decisions: Records<DecisionRecord>;
  /** Running and ended handoffs of this node, newest first. */
  handoffs(limit: number): Promise<HandoffStatus[]>;
  reports(): LoadReport[];
  health(): string[];
  cancel(vm: string): Promise<void>;
  defaultEngine: Engine;
  /** Resolves when a report of now is out: whoever changed something sees it when they look next. */
  tellNow(): Promise<void>;
};

/** How far `explain` looks back for the last move of its subject. */
const EXPLAIN_LOOKS_BACK = 50;

export function createApi(deps: ApiDeps): AgentApi {
  const { vms, flags, decisions } = deps;
  const owned = (name: string) => ownedVm(name, deps);
  const thenTell = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } finally {
      await deps.tellNow();
    }
  };
  return {
    status: (): ClusterStatus => deps.status(),
    decisions: limit => decisions.last(limit),
    handoffs: limit => deps.handoffs(limit),
    handoff: async id => (await deps.handoffs(Number.MAX_SAFE_INTEGER)).find(h => h.handoff === id),
    explain: async subject =>
      explain(subject, deps.status(), deps.decider.latest(), await decisions.last(EXPLAIN_LOOKS_BACK)),
    history: (subject, sinceMs) => deps.history.of(subject, sinceMs),
    reports: () => deps.reports(),
    health: () => {
      const faults = deps.health();
      return { ok: faults.length === 0, faults };
    },
    run: async (spec, _origin) => {
      const { vm, name } = await thenTell(runVm(spec, deps));
      return { vm, name };
    },
    start: async name => thenTell(vms.startAgain(owned(name))),
    stop: async name => thenTell(vms.stop(owned(name))),
    destroy: async name => thenTell(vms.destroy(owned(name))),
    migrate: (name, node, engine) => migrateVm(name, node, engine, deps.defaultEngine, deps),
    cancel: name => deps.cancel(owned(name).record.spec.vm),
    cordon: on => thenTell(flags.cordon(on)),
    pause: ttlMs => thenTell(flags.pause(ttlMs)),
    resume: () => thenTell(resumeHere(deps)),
    unpin: async name => thenTell(vms.pin(owned(name).record.spec.vm, 0)),
    consolePath: name => deps.host.paths(owned(name).record.spec).console,
  };
}

/** A pause is kept where it was asked for; asked elsewhere, say where. */
async function resumeHere({ flags, status, nodeName }: ApiDeps): Promise<void> {
  await flags.resume();
  const elsewhere = status().nodes.filter(n => n.pausedMs > 0 && n.name !== nodeName && n.state === 'awake');
  if (elsewhere.length === 0) return;
  throw new ShoalError(
    'SHOAL_PAUSED_ELSEWHERE',
    `${nodeName} is not paused any more, but ${elsewhere.map(n => n.name).join(', ')} still is, and all respect that`,
    nodeName,
    'Resume there too',
  );
}
