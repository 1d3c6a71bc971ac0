/**
 * The mesh as the agent uses it: reports to all, messages to one, who is connected. Peers prove who they are (Noise),
 * must stand on the allow-list, and authors prove what they wrote (signed gossip).
 */
import { GOSSIP_TOPIC, REPORT_BYTES_MAX, STREAM_PROTOCOL } from '@shoal/protocol';
import { ShoalError } from '../../errors.ts';
import { AllowList } from './allow-list.ts';
import { Dialer } from './dialer.ts';
import { ACTIONS, frameChannel, POWER } from './frame-channel.ts';
import { Gossip } from './gossip.ts';
import { degrees, LATELY_MS, waitedMs } from './gossip-settings.ts';
import { type Identity, loadOrCreateIdentity } from './identity.ts';
import { Listeners } from './listeners.ts';
import { Liveness } from './liveness.ts';
import { Refusals } from './refusals.ts';
import { registerChannel } from './register-channel.ts';
import { type Node, startStack } from './stack.ts';
import { Standing } from './standing.ts';
import { SEND_TIMEOUT_MS, Streams } from './streams.ts';
import { ReportTrace, TRACE_VARIABLE } from './trace.ts';
import type { MeshDeps, MeshOptions, PeerChange, PeopledMesh } from './types.ts';
import { tellUnsigned } from './unsigned.ts';
import { checkId } from './usable.ts';

/** A handoff has a dozen messages, each sent again a few times; 64 VMs that move at once stay below this. */
const HANDOFF_FRAMES = { burst: 1024, perSecond: 256 };

/** Starts this node's part of the mesh. Throws ShoalErrors (identity, listen address, a malformed peer entry). */
export async function createMesh(options: MeshOptions, deps: MeshDeps): Promise<PeopledMesh> {
  for (const peer of options.peers) checkId(peer.id);
  const identity = await loadOrCreateIdentity(options.stateDir);
  const count = { sentBytes: 0, receivedBytes: 0 };
  const allowList = new AllowList(identity.peerId, options.peers);
  const nodes = 1 + options.peers.filter(peer => peer.id !== identity.peerId).length;
  const { listen, announce } = options;
  const standing = new Standing(() => performance.now());
  const blamed = (peer: string) => standing.score(peer);
  const refusals = new Refusals(deps.log);
  const refused = (address: string, why: string) => refusals.note(address, why);
  const node = await startStack({ identity, listen, announce, nodes, allowList, count, blamed, refused });
  try {
    return await assemble(node, { identity, allowList, standing, refusals, count, nodes }, options, deps);
  } catch (error) {
    refusals.stop();
    await node.stop();
    throw error;
  }
}

type Parts = {
  identity: Identity;
  allowList: AllowList;
  standing: Standing;
  refusals: Refusals;
  count: { sentBytes: number; receivedBytes: number };
  nodes: number;
};

async function assemble(
  node: Node,
  { identity, allowList, standing, refusals, count, nodes }: Parts,
  options: MeshOptions,
  { log, validate }: MeshDeps,
): Promise<PeopledMesh> {
  const direct = degrees(nodes).floodPublish;
  const { reportIntervalMs } = options;
  const liveness = new Liveness(node, log, { reportIntervalMs, direct });
  const heard = (peer: string) => liveness.heard(peer);
  const gossiped = (peer: string) => liveness.gossiped(peer);
  const gossip = new Gossip(
    { topic: GOSSIP_TOPIC, what: 'report', bytesMax: REPORT_BYTES_MAX },
    { node, allowList, validate, log, heard: gossiped },
  );
  tellUnsigned(node.services.gossip, log);
  const dialer = new Dialer(node, log);
  const isShutOut = (peer: string) => standing.isShutOut(peer);
  const streams = new Streams(
    { protocol: STREAM_PROTOCOL, closeAfterMs: 0, frames: HANDOFF_FRAMES },
    { node, dialer, allowList, log, heard, isShutOut },
  );
  const registers = registerChannel({ node, dialer, allowList, log, heard, isShutOut });
  const actions = frameChannel(ACTIONS, { node, dialer, allowList, log, heard, isShutOut });
  const power = frameChannel(POWER, { node, dialer, allowList, log, heard, isShutOut });
  const changes = new Listeners<[peer: string, change: PeerChange]>(log);
  const traceFile = options.traceFile ?? process.env[TRACE_VARIABLE];
  const trace = traceFile ? new ReportTrace(traceFile, log) : undefined;
  const waited = (author: string, relay: string): number =>
    waitedMs(author, relay, direct, peer => liveness.gossipedWithin(peer, LATELY_MS));
  if (trace)
    gossip.messages.add((author, report, relay) =>
      trace.add(author, report, waited(author, relay) > 0 ? 'relayed' : 'received'),
    );

  node.addEventListener('peer:connect', ({ detail }) => {
    const peer = detail.toString();
    log.info({ event: 'peer-up', peer }, 'peer connected');
    changes.call(peer, 'up');
  });
  node.addEventListener('peer:disconnect', ({ detail }) => {
    const peer = detail.toString();
    log.info({ event: 'peer-down', peer }, 'peer disconnected');
    liveness.forget(peer);
    dialer.lost(peer);
    changes.call(peer, 'down');
  });
  // The list may have changed while the handshake ran.
  node.addEventListener('connection:open', () => cutStrangers(node, allowList));

  await streams.start();
  dialer.setTargets(options.peers);
  log.info({ event: 'mesh-up', peer: identity.peerId, addresses: addressesOf(node) }, 'mesh started');

  return {
    id: identity.peerId,
    addresses: () => addressesOf(node),
    publish: async report => {
      mustFit(report, identity.peerId);
      trace?.add(identity.peerId, report, 'sent');
      return gossip.publish(report);
    },
    onReport: listener =>
      gossip.messages.add((author, report, relay) => listener(author, report, waited(author, relay))),
    send: (peer, frame, timeoutMs = SEND_TIMEOUT_MS) => streams.send(peer, frame, timeoutMs),
    onMessage: listener => streams.messages.add(listener),
    onPeer: listener => changes.add(listener),
    peers: () => node.getPeers().map(peer => peer.toString()),
    setAllowed: peers => {
      for (const peer of peers) checkId(peer.id);
      // Addresses are checked before anything changes.
      dialer.setTargets(peers);
      allowList.replace(peers);
      for (const peer of cutStrangers(node, allowList)) {
        streams.drop(peer);
        registers.drop(peer);
        actions.drop(peer);
        power.drop(peer);
        log.info({ event: 'peer-removed', peer }, 'peer is off the allow-list, cut');
      }
    },
    learn: (peer, addresses) => dialer.learn(peer, addresses),
    blame: peer => {
      standing.blame(peer);
      log.warn({ event: 'peer-blamed', peer, score: standing.score(peer) }, 'a peer sent what it should not');
    },
    registers,
    actions,
    power,
    stats: () => ({
      ...count,
      reportsSent: gossip.sent,
      reportsReceived: gossip.received,
      reportsRefused: gossip.refused,
      connections: node.getConnections().length,
    }),
    stop: async () => {
      dialer.stop();
      liveness.stop();
      refusals.stop();
      await node.stop();
      await trace?.stop();
    },
  };
}

function mustFit(report: Uint8Array, self: string): void {
  if (report.byteLength <= REPORT_BYTES_MAX) return;
  throw new ShoalError(
    'SHOAL_REPORT_TOO_LARGE',
    `a load report of ${report.byteLength} bytes, over ${REPORT_BYTES_MAX}`,
    self,
    'Run fewer VMs on this node',
  );
}

/** Closes links to whoever is not on the list; returns who that was. */
function cutStrangers(node: Node, allowList: AllowList): Set<string> {
  const cut = new Set<string>();
  for (const connection of node.getConnections()) {
    const peer = connection.remotePeer.toString();
    if (allowList.has(peer)) continue;
    cut.add(peer);
    connection.abort(new Error('off the allow-list'));
  }
  return cut;
}

/** Loopback addresses are of use to others only where there is nothing else (tests, labs on one machine). */
function addressesOf(node: Node): string[] {
  const all = node.getMultiaddrs().map(address => address.toString().replace(/\/p2p\/[^/]+$/, ''));
  const outside = all.filter(address => !/^\/ip4\/127\.|^\/ip6\/::1\//.test(address));
  return outside.length > 0 ? outside : all;
}
