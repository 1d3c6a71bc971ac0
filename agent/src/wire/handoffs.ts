/** How the handoffs of a node meet its VMs, its host, its view and its rule. */
import type { Mode } from '@shoal/protocol';
import type { Config } from '../config/config.ts';
import type { ClusterView } from '../core/view.ts';
import { withFigures } from '../edge/handoff/figures.ts';
import { Handoffs } from '../edge/handoff/handoffs.ts';
import { createJournal } from '../edge/handoff/journal.ts';
import type { Words } from '../edge/handoff/words.ts';
import type { HandoffStatus } from '../edge/http/api.types.ts';
import { judge } from '../edge/mind/judge.ts';
import type { Node } from '../edge/mind/node.ts';
import type { Vms } from '../edge/vms/vms.ts';
import type { Policy } from '../settings.ts';
import type { State } from '../state.ts';
import type { Ports } from './ports.ts';

/** A target judges in under a second, waiting for gossip included; later than this it is not there. */
const OFFER_TIMEOUT_MS = 5000;

export type HandoffParts = {
  policy: Policy;
  /** What this node does with the rule's offers now. */
  mode(): Mode;
  flags(): { cordoned: boolean; closed: boolean; pausedMs: number };
  clusterView: ClusterView;
  vms: Vms;
  words: Words;
  node(): Node;
  freeMib(): number;
  nameOf(peer: string): string;
  changed(): void;
  /** A handoff is over on this node, with its last figures. */
  ended(status: HandoffStatus): void;
  /** The guest has just stopped here for good, or runs here from now on. */
  switched(): void;
};

export function wireHandoffs(config: Config, ports: Ports, parts: HandoffParts): Handoffs {
  const { clock, log, state, host } = ports;
  const { self, incarnation } = state;
  const { policy, clusterView, vms } = parts;
  const { migration, memory } = config;
  const handoffs: Handoffs = new Handoffs(
    {
      self,
      get policyHash() {
        return policy.hash;
      },
      bootId: ports.bootId,
      incarnation,
      offerTimeoutMs: OFFER_TIMEOUT_MS,
      prepareTimeoutMs: migration.prepareTimeoutMs,
      switchTimeoutMs: migration.switchTimeoutMs,
      reservationMs: migration.prepareTimeoutMs + migration.switchTimeoutMs,
      address: migration.address,
    },
    {
      journal: createJournal(state.db),
      clock,
      log,
      changed: parts.changed,
      words: parts.words,
      host,
      vms,
      pageServers: ports.pageServers,
      vmmUid: ports.vmmUid,
      order: migration.order,
      compression: migration.compression,
      bulkWindowBytes: migration.bulkWindowBytes,
      bulkBytesPerSecond: migration.bulkBytesPerSecond,
      earlyRelease: migration.earlyRelease,
      recorded: spec => state.recordings.of(spec),
      record: (spec, stats) => state.recordings.keep(spec, stats, log),
      luggage(vm, source) {
        const load = clusterView
          .reports(clock.nowMs())
          .find(r => r.report.node === source)
          ?.report.vms.find(v => v.vm === vm);
        return { backoffLevel: load?.backoffLevel ?? 0, backoffMs: load?.backoffMs ?? 0 };
      },
      switched: parts.switched,
      async judge(offer, source) {
        const verdict = await judge(
          offer,
          source,
          {
            self,
            policyHash: policy.hash,
            config: policy.config,
            reserveMib: memory.reserveMib,
            postcopy: ports.postcopy,
          },
          {
            vms,
            host,
            flags: parts.flags,
            clusterView,
            decide: policy.rule,
            mode: parts.mode,
            freeMib: parts.freeMib,
            parties: handoffs.parties,
            relocation: () => parts.node().relocation,
            clock,
          },
        );
        if (verdict.ok) parts.node().takes(offer);
        return verdict;
      },
      nameOf: peer => (peer === self ? config.node.name : parts.nameOf(peer)),
      newId: ports.newId,
      past: state.ended,
      ended: parts.ended,
    },
  );
  return handoffs;
}

/** Asked many times a second while it runs; those that ended are read for an old one only. */
export async function oneHandoff(
  { parties }: Handoffs,
  { ended }: Pick<State, 'ended'>,
  id: string,
): Promise<HandoffStatus | undefined> {
  const shown = parties.shown(id);
  const past = shown ?? (await ended.newest(e => e.handoff === id));
  return past && withFigures(past);
}
