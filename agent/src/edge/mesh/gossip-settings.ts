/**
 * How reports travel (docs/decisions/0001): every node is connected to every other and floods its own report over each
 * link once; nobody relays unasked (D = 0), so no report arrives twice. What a broken link lost comes by gossip: each
 * heartbeat names the last reports to LAZY_PEERS peers, which ask for what they miss.
 */
import type { GossipsubOpts } from '@chainsafe/libp2p-gossipsub';
import { GOSSIP_TOPIC, REGISTER_TOPIC } from '@shoal/protocol';

/** One answer to an IWANT may hold many reports, so the frame's limit is far above a report's. */
const MAX_RPC_BYTES = 262_144;

/** A peer this far behind is cut instead of holding our memory. */
const MAX_OUTBOUND_BUFFER_BYTES = 1_000_000;

/** Two peers a second: a report that missed a link of 16 nodes is named to its reader twice a second on average. */
const LAZY_PEERS = 2;

/**
 * A heartbeat. Most reports that missed a link come by gossip within one, a few within two; the whole of two would make the
 * author of a lost report stale for a moment.
 */
export const RELAYED_MS = 1000;

/** Of an author's own link: one that has brought nothing for three reports is broken, however open it looks. */
export const LATELY_MS = 3000;

/**
 * What a report that came from `relay` counts as having waited, ms. Where reports go straight to everyone, one that comes by
 * way of another node although its author's own link worked a moment ago has missed this node at first, and its author may
 * be dead since (docs/decisions/0013). Where that link is broken all its reports come so, and one is as good as any.
 */
export const waitedMs = (
  author: string,
  relay: string,
  direct: boolean,
  linkedLately: (author: string) => boolean,
): number => (direct && relay !== author && linkedLately(author) ? RELAYED_MS : 0);

/** Above this many nodes the bursts of direct sends cost more than relays do. */
const DIRECT_NODES_MAX = 48;

/** Invalid reports cost 20 × count², forgotten at 10 % a second: four forgeries shut a peer out for half a minute. */
const P4_WEIGHT = -20;
const P4_DECAY = 0.9;

const DECODE_LIMITS = {
  maxSubscriptions: 64,
  maxMessages: 512,
  maxIhaveMessageIDs: 1024,
  maxIwantMessageIDs: 1024,
  maxIdontwantMessageIDs: 512,
  maxControlMessages: 64,
  maxPeerInfos: 0,
};

/** Degrees of the gossipsub mesh for a cluster of so many nodes. */
export function degrees(nodes: number) {
  return nodes <= DIRECT_NODES_MAX
    ? { D: 0, Dlo: 0, Dhi: 0, Dout: 0, Dscore: 0, floodPublish: true }
    : { D: 4, Dlo: 3, Dhi: 6, Dout: 1, Dscore: 2, floodPublish: false };
}

/** Only invalid messages count. Rewards and penalties for deliveries (P2, P3) punish small and quiet meshes. */
const TOPIC_SCORE = {
  topicWeight: 1,
  timeInMeshWeight: 0,
  timeInMeshQuantum: 1000,
  timeInMeshCap: 1,
  firstMessageDeliveriesWeight: 0,
  firstMessageDeliveriesDecay: 0.5,
  firstMessageDeliveriesCap: 1,
  meshMessageDeliveriesWeight: 0,
  meshMessageDeliveriesDecay: 0.5,
  meshMessageDeliveriesCap: 1,
  meshMessageDeliveriesThreshold: 1,
  meshMessageDeliveriesWindow: 10,
  meshMessageDeliveriesActivation: 5000,
  meshFailurePenaltyWeight: 0,
  meshFailurePenaltyDecay: 0.5,
  invalidMessageDeliveriesWeight: P4_WEIGHT,
  invalidMessageDeliveriesDecay: P4_DECAY,
};

/** `blamed`: what a peer did outside the gossip, 0 or below (`standing.ts`). */
export function gossipSettings(nodes: number, blamed: (peer: string) => number): Partial<GossipsubOpts> {
  return {
    ...degrees(nodes),
    globalSignaturePolicy: 'StrictSign',
    Dlazy: LAZY_PEERS,
    gossipFactor: 0,
    mcacheLength: 3,
    mcacheGossip: 2,
    batchPublish: true,
    allowPublishToZeroTopicPeers: true,
    fallbackToFloodsub: false,
    tagMeshPeers: false,
    idontwantMinDataSize: Number.POSITIVE_INFINITY,
    allowedTopics: [GOSSIP_TOPIC, REGISTER_TOPIC],
    maxInboundDataLength: MAX_RPC_BYTES,
    maxOutboundBufferSize: MAX_OUTBOUND_BUFFER_BYTES,
    decodeRpcLimits: DECODE_LIMITS,
    scoreParams: {
      // Many nodes on one address are a rack behind NAT or a test, not an attack: the allow-list keeps strangers out.
      IPColocationFactorWeight: 0,
      appSpecificScore: blamed,
      appSpecificWeight: 1,
      topics: { [GOSSIP_TOPIC]: TOPIC_SCORE, [REGISTER_TOPIC]: TOPIC_SCORE },
    },
  };
}
