/**
 * The mesh as the agent uses it: reports to all, messages to one, who is connected. Peers prove who they are (Noise),
 * must stand on the allow-list, and authors prove what they wrote (signed gossip).
 */
import { peerIdFromString } from '@libp2p/peer-id';
import { ShoalError } from '../../errors.ts';
import { AllowList } from './allow-list.ts';
import { Dialer } from './dialer.ts';
import { Gossip } from './gossip.ts';
import { type Identity, loadOrCreateIdentity } from './identity.ts';
import { Listeners } from './listeners.ts';
import { Liveness } from './liveness.ts';
import { type Node, startStack } from './stack.ts';
import { SEND_TIMEOUT_MS, Streams } from './streams.ts';
import { ReportTrace, TRACE_VARIABLE } from './trace.ts';
import type { Mesh, MeshDeps, MeshOptions, PeerChange } from './types.ts';

/** Starts this node's part of the mesh. Throws ShoalErrors (identity, listen address, a malformed peer entry). */
export async function createMesh(options: MeshOptions, deps: MeshDeps): Promise<Mesh> {
  for (const peer of options.peers) checkId(peer.id);
  const identity = await loadOrCreateIdentity(options.stateDir);
  const count = { sentBytes: 0, receivedBytes: 0 };
  const allowList = new AllowList(identity.peerId, options.peers);
  const nodes = 1 + options.peers.filter(peer => peer.id !== identity.peerId).length;
  const { listen, announce } = options;
  const node = await startStack({ identity, listen, announce, nodes, allowList, count });
  try {
    return await assemble(node, identity, allowList, count, options, deps);
  } catch (error) {
    await node.stop();
    throw error;
  }
}

async function assemble(
  node: Node,
  identity: Identity,
  allowList: AllowList,
  count: { sentBytes: number; receivedBytes: number },
  options: MeshOptions,
  { log, validate }: MeshDeps,
): Promise<Mesh> {
  const liveness = new Liveness(node, log, options);
  const heard = (peer: string) => liveness.heard(peer);
  const gossip = new Gossip({ node, allowList, validate, log, heard });
  const dialer = new Dialer(node, log);
  const streams = new Streams({ node, dialer, allowList, log, heard });
  const changes = new Listeners<[peer: string, change: PeerChange]>(log);
  const traceFile = options.traceFile ?? process.env[TRACE_VARIABLE];
  const trace = traceFile ? new ReportTrace(traceFile, log) : undefined;
  if (trace) gossip.reports.add((author, report) => trace.add(author, report, 'received'));

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
      trace?.add(identity.peerId, report, 'sent');
      return gossip.publish(report);
    },
    onReport: listener => gossip.reports.add(listener),
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
        log.info({ event: 'peer-removed', peer }, 'peer is off the allow-list, cut');
      }
    },
    learn: (peer, addresses) => dialer.learn(peer, addresses),
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
      await node.stop();
      await trace?.stop();
    },
  };
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

function checkId(id: string): void {
  try {
    peerIdFromString(id);
  } catch (error) {
    throw new ShoalError(
      'SHOAL_MESH_PEER',
      'this is not a peer id',
      id,
      'Copy it from `shoald --init` on that node (12D3KooW…)',
      { cause: error },
    );
  }
}
