/**
 * The libp2p node, put together here and nowhere else: a change of its line (libp2p 2, another gossipsub) is this file.
 * Left out on purpose: DHT, mDNS, relays, the connection monitor (a ping stream per link and tick costs more than all
 * reports do; `liveness.ts` asks silent links only) and the keep-alive of yamux.
 */
import '../node20.ts';
import { type GossipSub, gossipsub } from '@chainsafe/libp2p-gossipsub';
import { identify } from '@libp2p/identify';
import type { ComponentLogger, Libp2p, Logger } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { type Ping, ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import type { Multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { ShoalError } from '../../errors.ts';
import type { AllowList } from './allow-list.ts';
import { gossipSettings } from './gossip-settings.ts';
import type { Identity } from './identity.ts';
import { type WireCount, wire } from './wire.ts';
import { thriftyYamux } from './yamux-thrift.ts';

export type Node = Libp2p<{ gossip: GossipSub; ping: Ping }>;

export type StackOptions = {
  identity: Identity;
  listen: string[];
  announce: string[];
  /** Cluster size, this node included. */
  nodes: number;
  allowList: AllowList;
  count: WireCount;
  /** What peers did outside the gossip (`standing.ts`), 0 or below. */
  blamed?: (peer: string) => number;
  /** Hears of every inbound connection that does not come to be. */
  refused?: (address: string, why: string) => void;
};

/** Rates per source address and second, and handshakes at once: a strange scanner is held off, a cluster's start is not. */
const INBOUND_PER_SECOND = 64;
const INBOUND_PENDING = 64;
/** A handshake takes 5–60 ms; who stalls in it longer than this is no node of ours. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
/** Handshakes are CPU; more at once delay our own reports when a whole cluster starts. */
const DIALS_AT_ONCE = 4;
const STREAMS_PER_LINK = 16;

/** Starts a node. Throws SHOAL_MESH_LISTEN when no listen address can be bound. */
export async function startStack(options: StackOptions): Promise<Node> {
  const node: Node = await createLibp2p({
    start: false,
    privateKey: options.identity.privateKey,
    addresses: { listen: options.listen, announce: options.announce },
    transports: [tcp()],
    connectionProtector: () => wire(options.count),
    connectionEncrypters: [noise()],
    streamMuxers: [
      thriftyYamux({
        enableKeepAlive: false,
        maxInboundStreams: STREAMS_PER_LINK,
        maxOutboundStreams: STREAMS_PER_LINK,
      }),
    ],
    connectionGater: options.allowList.gater(),
    connectionMonitor: { enabled: false },
    connectionManager: {
      maxConnections: Math.max(64, 3 * options.nodes),
      maxParallelDials: DIALS_AT_ONCE,
      inboundConnectionThreshold: INBOUND_PER_SECOND,
      maxIncomingPendingConnections: INBOUND_PENDING,
      inboundUpgradeTimeout: HANDSHAKE_TIMEOUT_MS,
      dialTimeout: HANDSHAKE_TIMEOUT_MS,
    },
    services: {
      // gossipsub hears of a new peer through identify.
      identify: identify(),
      ping: ping(),
      gossip: gossipsub(gossipSettings(options.nodes, options.blamed ?? (() => 0))) as (
        components: object,
      ) => GossipSub,
    },
    ...(process.env.DEBUG ? {} : { logger: silent }),
  });
  admitMembers(node, options.allowList);
  tellRefused(node, options);
  try {
    await node.start();
  } catch (error) {
    await node.stop();
    throw new ShoalError(
      'SHOAL_MESH_LISTEN',
      `the mesh cannot listen: ${(error as Error).message}`,
      options.listen.join(', '),
      'Check mesh.listen, and that no other agent has the port',
      { cause: error },
    );
  }
  return node;
}

/**
 * Members' addresses are exempt from the limits that hold off a flood of connections, also those of a member that has
 * just joined. libp2p takes such a list at its start alone, as networks; this one is looked at for each connection. Not in
 * its interface: where the field is not what it was when this was written, members are held off like others.
 */
function admitMembers(node: Node, allowList: AllowList): void {
  const { components } = node as unknown as {
    components?: { connectionManager?: { allow?: { contains(host: string): boolean }[] } };
  };
  components?.connectionManager?.allow?.push({ contains: host => allowList.hasHost(host) });
}

/** What is refused before there is a connection libp2p tells its own log alone. As above, by a field of the class. */
function tellRefused(node: Node, { refused, allowList }: StackOptions): void {
  type Inbound = { remoteAddr: Multiaddr };
  const { components } = node as unknown as {
    components?: { upgrader?: { upgradeInbound(inbound: Inbound, options: object): Promise<void> } };
  };
  const upgrader = components?.upgrader;
  if (!upgrader || !refused) return;
  const upgrade = upgrader.upgradeInbound.bind(upgrader);
  upgrader.upgradeInbound = async (inbound, options) => {
    const begunMs = performance.now();
    try {
      await upgrade(inbound, options);
    } catch (error) {
      const [, , host = ''] = inbound.remoteAddr.toString().split('/');
      refused(host, allowList.reasonOf(inbound) ?? whyOf(error as Error, performance.now() - begunMs));
      throw error;
    }
  };
}

/** By the name of libp2p's error, and the time: what ends a handshake that is too slow is called by what it broke. */
function whyOf({ name }: Error, spentMs: number): string {
  if (name === 'ConnectionDeniedError') return 'too many connections at once';
  return spentMs >= HANDSHAKE_TIMEOUT_MS * 0.9 ? 'its handshake took too long' : 'its handshake failed';
}

/** libp2p makes a logger for every connection and stream; silent ones are one shared object. */
const quiet: Logger = Object.assign(() => {}, {
  enabled: false,
  error: () => {},
  trace: () => {},
  newScope: () => quiet,
});
const silent: ComponentLogger = { forComponent: () => quiet };
