/** The mesh as one life of an agent has it (`edge/mesh/mesh.ts` is the real one): gossip to all, frames to one. */
import type { Mesh, PeerChange, RegisterEnds, Validate } from '@shoal/agent/edge/mesh/types';
import type { World } from '../world/world.ts';
import type { Life } from './life.ts';

/** What comes in from the network for this life. */
export type Inbox = {
  report(author: string, bytes: Uint8Array): void;
  frame(peer: string, bytes: Uint8Array): void;
  register(author: string, bytes: Uint8Array): void;
  exchange(peer: string, bytes: Uint8Array): void;
  power(peer: string, bytes: Uint8Array): void;
};

/** A send that TCP cannot carry is given up after this. */
const SEND_MS: [number, number] = [500, 5000];

export function simMesh(
  world: World,
  life: Life,
  validate: Validate,
  inboxOf: (peer: string) => Inbox | undefined,
): { mesh: Mesh; inbox: Inbox } {
  const { machine } = life;
  const { network } = world;
  const others = world.machines.filter(m => m !== machine).map(m => m.id);
  const reports = new Set<(author: string, bytes: Uint8Array, waitedMs: number) => void>();
  const messages = new Set<(peer: string, bytes: Uint8Array) => void>();
  const added = <T>(set: Set<T>, listener: T) => {
    set.add(listener);
    return () => void set.delete(listener);
  };
  let registers: RegisterEnds | undefined;
  let power: ((peer: string, bytes: Uint8Array) => void) | undefined;
  /** All nodes are honest here: what one of them sent must be good to every other. */
  const judged = (judge: Validate, author: string, bytes: Uint8Array, accepted: () => void) => {
    void Promise.resolve(judge(author, bytes)).then(verdict => {
      if (!life.alive) return;
      if (verdict === 'reject') world.truth.violated(`${machine.name} rejected the gossip of an honest node`);
      if (verdict === 'accept') accepted();
    });
  };
  const toAll = (arrive: (inbox: Inbox | undefined) => void) => {
    // Every way is one of its own: gossip takes several, and what is lost on one is not made up for.
    for (const peer of others.filter(p => !network.deaf.has(`${machine.id}>${p}`)))
      network.carry(machine.id, peer, () => arrive(inboxOf(peer)));
  };
  const toOne = async (peer: string, arrive: (inbox: Inbox | undefined) => void) => {
    if (!network.connects(machine.id, peer)) {
      await new Promise<void>(resolve => life.later(world.chance.between(...SEND_MS), resolve));
      throw new Error('the peer cannot be reached');
    }
    network.carry(machine.id, peer, () => arrive(inboxOf(peer)));
  };
  const inbox: Inbox = {
    report: (author, bytes) =>
      judged(validate, author, bytes, () => {
        for (const listener of reports) listener(author, bytes, 0);
      }),
    register: (author, bytes) => {
      const ends = registers;
      if (ends) judged(ends.judge, author, bytes, () => ends.heard(bytes));
    },
    exchange: (peer, bytes) => registers?.frame(peer, bytes),
    power: (peer, bytes) => power?.(peer, bytes),
    frame(peer, bytes) {
      for (const listener of messages) listener(peer, bytes);
    },
  };
  const mesh: Mesh = {
    id: machine.id,
    addresses: () => [`/ip4/${machine.address}/tcp/7420`],
    async publish(bytes) {
      toAll(to => to?.report(machine.id, bytes));
      return others.length;
    },
    onReport: listener => added(reports, listener),
    send: (peer, frame) => toOne(peer, to => to?.frame(machine.id, frame)),
    onMessage: listener => added(messages, listener),
    onPeer: (_listener: (peer: string, change: PeerChange) => void) => () => undefined,
    peers: () => others.filter(peer => network.connects(machine.id, peer)),
    setAllowed: () => undefined,
    learn: () => undefined,
    blame: peer =>
      world.truth.violated(`${machine.name} blames ${world.machine(peer).name}, which is honest`),
    registers: {
      async open(ends) {
        registers = ends;
      },
      publish: async bytes => toAll(to => to?.register(machine.id, bytes)),
      send: (peer, frame) => toOne(peer, to => to?.exchange(machine.id, frame)),
      drop: () => undefined,
    },
    power: {
      async open(heard) {
        power = heard;
      },
      send: (peer, frame) => toOne(peer, to => to?.power(machine.id, frame)),
      drop: () => undefined,
    },
    stats: () => ({
      ...{ sentBytes: 0, receivedBytes: 0, reportsSent: 0, reportsReceived: 0, reportsRefused: 0 },
      connections: 0,
    }),
    stop: async () => undefined,
  };
  return { mesh, inbox };
}
