/** How the power of this node and of its peers meets the rest of it. */
import { type Decision, needsNode } from '@shoal/policies';
import type { Config } from '../config/config.ts';
import type { AsleepEntry } from '../core/power/entry.ts';
import { credentialKey, isCredentialRefused, marked } from '../core/power/marks.ts';
import { sleptKey, withSleep } from '../core/power/saved.ts';
import { isTrusted, sleepTestKey } from '../core/power/sleep-test.ts';
import { withWake, wokenKey } from '../core/power/woken.ts';
import type { ClusterView } from '../core/view.ts';
import type { Handoffs } from '../edge/handoff/handoffs.ts';
import type { Mesh } from '../edge/mesh/types.ts';
import type { Marks } from '../edge/power/methods.ts';
import { Power } from '../edge/power/power.ts';
import { Supervised, type TestRow } from '../edge/power/supervised.ts';
import type { Shared } from '../edge/registers/shared.ts';
import { Shelf } from '../edge/store/store.ts';
import type { Vms } from '../edge/vms/vms.ts';
import type { Policy } from '../settings.ts';
import type { Ports } from './ports.ts';

/** A try that failed is made again after a minute, then twice as long each time. */
const OWN_REST = { restMs: 60_000, restMaxMs: 3_600_000 };
/** What did not wake is called again after half a minute. */
const PEER_REST_MS = 30_000;
/** Two machines that start at once are what any circuit carries; then one every ten seconds. */
const WAKES = { burst: 2, everyMs: 10_000 };

export type PowerParts = {
  shared: Shared;
  mesh: Mesh;
  vms: Vms;
  handoffs: Handoffs;
  clusterView: ClusterView;
  policy: Policy;
  memoryFreeMib(): number;
  /** In auto, knowing what the others know, nothing paused. */
  acts(): boolean;
  decide(awake?: string): Decision;
  changed(): void;
};

/** Passwords that an AMT refused: of this node at once, of the others as their registers come. */
function marksOn({ registers }: Shared, log: Ports['log']): Marks {
  const own = new Set<string>();
  return {
    isRefused: (node, version) =>
      own.has(`${node} ${version}`) ||
      isCredentialRefused(
        registers.table.all().map(held => held.register),
        node,
        version,
      ),
    refuse(node, version) {
      own.add(`${node} ${version}`);
      const key = credentialKey(registers.self);
      registers
        .write(key, marked(registers.get(key).value, node, version))
        .catch(error => log.error({ node, error: String(error) }, 'a refused password is not marked'));
    },
  };
}

export function wirePower(config: Config, ports: Ports, parts: PowerParts): Power {
  const { clock, log, state } = ports;
  const { shared, vms, handoffs, clusterView, policy } = parts;
  const { registers } = shared;
  const { self } = registers;
  const { hardware, suspend: suspender } = ports.power;
  const driver = suspender?.name ?? '';
  const {
    afterSeconds,
    drainSeconds,
    answerSeconds,
    wakeLateSeconds,
    wakeTimeoutSeconds,
    wakeTries,
    suspend,
  } = config.power;
  const marks = marksOn(shared, log);
  const withPeer = (peer: string) => handoffs.parties.live().filter(p => p.entry.peer === peer).length;
  return new Power(
    {
      own: {
        slowMs: afterSeconds * 1000,
        drainMs: drainSeconds * 1000,
        answerMs: answerSeconds * 1000,
        ...OWN_REST,
      },
      peers: {
        lateMs: wakeLateSeconds * 1000,
        deadlineMs: wakeTimeoutSeconds * 1000,
        restMs: PEER_REST_MS,
        tries: wakeTries,
        ...WAKES,
      },
      alarmS: suspend.alarmHours * 3600,
    },
    {
      ...{ registers, mesh: parts.mesh, clock, log, newId: ports.newId },
      ports: {
        ...ports.power,
        methods: name => ports.power.methods(name, marks),
        canWake: name => ports.power.canWake(name, marks),
      },
      decision: parts.decide,
      acts: parts.acts,
      empty: () => !vms.list().some(needsNode) && handoffs.parties.live().length === 0,
      owns: vm => vms.get(vm) !== undefined,
      truth(sleeper) {
        const fresh = clusterView.reports(clock.nowMs()).filter(r => !r.stale);
        return {
          pausedMs: shared.flags.meshPausedMs,
          incarnation: clusterView.incarnationOf(sleeper),
          handoffs: withPeer(sleeper),
          awake: fresh.length,
        };
      },
      incarnationOf: node => clusterView.incarnationOf(node),
      ownEntry: (): AsleepEntry => ({
        name: config.node.name,
        incarnation: state.incarnation,
        bootId: ports.bootId,
        atMs: Math.round(clock.wallMs()),
        cores: config.cpu.cores,
        memoryMib: ports.memoryMib(),
        memoryFreeMib: Math.max(0, parts.memoryFreeMib()),
        policyHash: policy.hash,
      }),
      trusted: () =>
        config.power.sleep === 'auto' && isTrusted(registers.get(sleepTestKey(self)).value, driver, hardware),
      changed: parts.changed,
      endLife: ports.endLife,
      woken(node, incarnation, seconds, method) {
        const woken = {
          node,
          incarnation,
          seconds: Number(seconds.toFixed(2)),
          method,
          atMs: Math.round(clock.wallMs()),
        };
        log.info({ event: 'power', ...woken }, 'woken');
        ports.metrics.count('shoal_wakes_total', { method });
        const key = wokenKey(self);
        registers
          .write(key, withWake(registers.get(key).value, woken))
          .catch(error => log.error({ node, error: String(error) }, 'a wake is not told of'));
      },
      supervised: new Supervised({
        shelf: new Shelf<TestRow>(state.db, 'power'),
        ...{ registers, incarnation: state.incarnation, driver, hardware, clock, log },
      }),
      sleptFor: seconds =>
        registers.write(
          sleptKey(self),
          withSleep(registers.get(sleptKey(self)).value, seconds, config.power.watts),
        ),
    },
  );
}
