/** For tests: real nodes on loopback with real databases that share registers; and an operator's key. */
import { join } from 'node:path';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import type { Register } from '@shoal/protocol';
import { clock } from '../clock.ts';
import { createLog } from '../log.ts';
import { loadOrCreateIdentity } from '../mesh/identity.ts';
import { type TestNode, TestNodes } from '../mesh/test-nodes.ts';
import type { PeerEntry } from '../mesh/types.ts';
import { type Database, openDatabase } from '../store/store.ts';
import { createSeal } from './seal.ts';
import { openShared, type Shared } from './shared.ts';

export type SharingNode = TestNode & {
  id: string;
  shared: Shared;
  /** Nodes that were taken off the list. */
  removed: string[];
  /** Keys of every change. */
  changed: string[];
  stop(): Promise<void>;
};

export type Operator = {
  id: string;
  sign(key: string, value: string, counter: number): Register;
};

export async function makeOperator(): Promise<Operator> {
  const key = await generateKeyPair('Ed25519');
  const id = peerIdFromPrivateKey(key).toString();
  const seal = createSeal(key);
  return {
    id,
    sign(name, value, counter) {
      const draft = { key: name, value, counter, author: id };
      return { ...draft, signature: seal.sign(draft) };
    },
  };
}

export class SharingNodes {
  readonly nodes = new TestNodes();
  readonly #databases = new Set<Database>();
  readonly #running = new Set<SharingNode>();

  plan(...names: string[]): Promise<PeerEntry[]> {
    return this.nodes.plan(...names);
  }

  /** Starts the node that was planned as `name`, on the database of an earlier life if there was one. */
  async start(name: string, own: PeerEntry, peers: PeerEntry[], operators: string[]): Promise<SharingNode> {
    const stateDir = await this.nodes.stateDir(name);
    const db = await openDatabase(join(stateDir, 'shared'));
    this.#databases.add(db);
    const node = await this.nodes.start(name, own, peers);
    const removed: string[] = [];
    const changed: string[] = [];
    const shared = await openShared(
      own.id,
      { peers, operators },
      {
        db,
        seal: createSeal((await loadOrCreateIdentity(stateDir)).privateKey),
        mesh: node.mesh,
        clock,
        log: createLog({ level: 'silent', node: name }),
        changed: keys => changed.push(...keys),
        removed: id => removed.push(id),
      },
    );
    const stop = async () => {
      this.#running.delete(sharing);
      shared.stop();
      await this.nodes.stopOne(node);
      this.#databases.delete(db);
      await db.close();
    };
    const sharing: SharingNode = { ...node, id: own.id, shared, removed, changed, stop };
    this.#running.add(sharing);
    return sharing;
  }

  async stop(): Promise<void> {
    for (const node of [...this.#running]) await node.stop();
    await this.nodes.stop();
  }
}
