/**
 * The agent: a wired node on this machine. Start: store, VMs adopted, mesh, handoffs taken up again, owned VMs started,
 * then the loop: sample, report, decide.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import type { Config } from './config/config.ts';
import { clock } from './edge/clock.ts';
import { createHttpServers } from './edge/http/servers.ts';
import { createLog } from './edge/log.ts';
import { bootId, guestMemoryMib } from './edge/machine.ts';
import { loadOrCreateIdentity } from './edge/mesh/identity.ts';
import { createMesh } from './edge/mesh/mesh.ts';
import type { PeopledMesh } from './edge/mesh/types.ts';
import { createMetrics } from './edge/metrics.ts';
import { startLoop } from './edge/mind/loops.ts';
import { Forward } from './edge/people/forward.ts';
import { createPower } from './edge/power/create.ts';
import { createSeal } from './edge/registers/seal.ts';
import { cgroupBusy, hostBusy } from './edge/sampler/cpu.ts';
import { createHost } from './host.ts';
import { httpOptions, openPeople } from './people.ts';
import { openState } from './state.ts';
import { wireNode } from './wire/wire.ts';

export type Agent = {
  /** Takes members and operators of a configuration that was read again; nothing else of it counts before a restart. */
  reconfigure(config: Config): void;
  /** Resolves with the reason when this life is over by itself: the machine slept. Stop it, and start another process. */
  readonly over: Promise<string>;
  stop(): Promise<void>;
};

export async function startAgent(config: Config): Promise<Agent> {
  const { name, runDir, stateDir } = config.node;
  mkdirSync(runDir, { recursive: true, mode: 0o711 });
  mkdirSync(config.memory.ramDir, { recursive: true, mode: 0o711 });
  const log = createLog({ level: config.log.level, node: name });
  const state = await openState(config);
  const metrics = createMetrics();
  const { host, pageServers, postcopy, accel, user, pages } = await createHost(config, log);
  let mesh!: PeopledMesh;
  let end!: (why: string) => void;
  const over = new Promise<string>(resolve => {
    end = resolve;
  });
  let listening = () => ({ tcp: '', https: '', fingerprint: '' });
  const wired = await wireNode(config, {
    clock,
    log,
    newId: randomUUID,
    metrics,
    bootId: bootId(),
    state,
    seal: createSeal((await loadOrCreateIdentity(stateDir)).privateKey),
    host,
    pageServers,
    postcopy,
    vmmUid: user?.uid ?? process.getuid?.() ?? 0,
    sampled: {
      busy: config.cpu.source === 'cgroup' ? cgroupBusy(config.cpu.cgroup) : hostBusy(config.cpu.coreSet),
    },
    memoryMib: () => guestMemoryMib(config.memory.ramDir, config.memory.guestMemoryMib),
    async joinMesh(validate) {
      const options = { stateDir, ...config.mesh, traceFile: process.env.SHOAL_BENCH_REPORT_LOG };
      mesh = await createMesh(options, { log, validate });
      return mesh;
    },
    power: createPower(config, clock),
    endLife: end,
    httpAddress: () => listening().tcp,
    https: () => ({ address: listening().https, fingerprint: listening().fingerprint }),
  });
  const people = await openPeople(state.db, name, {
    ...{ registers: wired.registers, log, clock },
    hasSlept: wired.hasSlept,
  });
  const { api } = wired;
  const forward = new Forward({ people, api, mesh, newId: randomUUID, clock, log });
  const servers = createHttpServers(httpOptions(config, pages), {
    api,
    forward,
    metrics: { ...metrics, text: wired.scrape },
    log,
    people,
  });
  listening = () => servers.address();

  await wired.takeUp();
  await forward.start();
  await servers.start();
  const loop = startLoop(
    'heartbeat',
    config.mesh.reportIntervalMs,
    async () => {
      await wired.round();
      await people.tokens.absorb();
    },
    { clock, log },
  );
  await wired.startOwned();
  log.info({ id: state.self, incarnation: state.incarnation, accel, http: listening().tcp }, 'agent started');

  return {
    over,
    reconfigure({ mesh: { peers, operators } }) {
      wired.registers.reconfigure({ peers, operators });
      log.info({ peers: peers.length, operators: operators.length }, 'members and operators read again');
    },
    async stop() {
      await loop.stop();
      await servers.stop();
      await wired.stop();
      metrics.stop();
      await state.db.close();
      log.info({}, 'agent stopped; its VMs go on');
    },
  };
}
