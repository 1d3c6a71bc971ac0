/**
 * A node of nobody's making: plain libp2p without our agent and without a gossip library, so that it can say anything.
 * With a key that is on the allow-list it is a stolen member, with another one an outsider.
 */
import '@shoal/agent/edge/node20';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { identify } from '@libp2p/identify';
import type { Connection, Ed25519PrivateKey, Libp2p, Stream } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { FrameReader } from '@shoal/agent/edge/mesh/framing';
import { ACTION_PROTOCOL, GOSSIP_TOPIC, REGISTER_PROTOCOL, STREAM_PROTOCOL } from '@shoal/protocol';
import { createLibp2p } from 'libp2p';
import { carrying, FrameCutter, fieldsOf, framed, subscription, unsigned } from './rpc.ts';

export const MESHSUB = '/meshsub/1.1.0';
const SIGN_PREFIX = Buffer.from('libp2p-pubsub:');
const DIAL_MS = 10_000;
/** As many messages of others as one keeps; a report a second from each of a few nodes. */
const HEARD_MAX = 1000;

export type Target = { id: string; address: string; port: number };
/** A gossiped message as its author signed it, and what is in it. */
export type Heard = { raw: Uint8Array; data: Uint8Array; author: Uint8Array };

export class Rogue {
  readonly id: string;
  readonly key: Ed25519PrivateKey;
  readonly #node: Libp2p;
  readonly #gossip = new Map<string, Stream>();
  readonly heard: Heard[] = [];
  /** Frames of all direct protocols, as they came. */
  readonly frames: Uint8Array[] = [];
  #seqno = BigInt(Date.now()) * 1_000_000n;

  private constructor(key: Ed25519PrivateKey, node: Libp2p) {
    this.key = key;
    this.id = peerIdFromPrivateKey(key).toString();
    this.#node = node;
  }

  static newKey(): Promise<Ed25519PrivateKey> {
    return generateKeyPair('Ed25519');
  }

  static async start(key: Ed25519PrivateKey): Promise<Rogue> {
    const node = await createLibp2p({
      privateKey: key,
      addresses: { listen: [] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionMonitor: { enabled: false },
      connectionManager: { reconnectRetries: 0 },
      services: { identify: identify() },
    });
    const rogue = new Rogue(key, node);
    await node.handle([MESHSUB], stream => rogue.#listen(stream));
    await node.handle([STREAM_PROTOCOL, REGISTER_PROTOCOL, ACTION_PROTOCOL], stream => rogue.#take(stream));
    return rogue;
  }

  /** Rejects when it is not let in. */
  async dial({ id, address, port }: Target): Promise<Connection> {
    const to = multiaddr(`/ip4/${address}/tcp/${port}/p2p/${id}`);
    return this.#node.dial(to, { signal: AbortSignal.timeout(DIAL_MS) });
  }

  /**
   * A stream that is negotiated and open; what is sent on it is the caller's. A node cuts the link of a peer that is silent in
   * the gossip, maybe just now: over a new one it is asked again.
   */
  async stream(target: Target, protocol: string): Promise<Stream> {
    const open = async () =>
      (await this.dial(target)).newStream(protocol, { signal: AbortSignal.timeout(DIAL_MS) });
    return open().catch(open);
  }

  /** Asks for reports and keeps every message that comes. */
  async listen(target: Target): Promise<void> {
    await this.rpc(target, subscription(GOSSIP_TOPIC));
  }

  /** One frame of gossip. */
  async rpc(target: Target, bytes: Uint8Array): Promise<void> {
    (await this.#gossipStream(target)).send(framed(bytes));
  }

  async #gossipStream(target: Target): Promise<Stream> {
    const open = this.#gossip.get(target.id);
    if (open?.status === 'open' && open.writeStatus === 'writable') return open;
    const stream = await this.stream(target, MESHSUB);
    this.#gossip.set(target.id, stream);
    return stream;
  }

  /** A message of this rogue's own making, rightly signed by it. `author`: whom it claims to be of. */
  async signed(data: Uint8Array, topic = GOSSIP_TOPIC): Promise<Buffer> {
    const seqno = Buffer.alloc(8);
    this.#seqno += 1n;
    seqno.writeBigUInt64BE(this.#seqno);
    const from = peerIdFromPrivateKey(this.key).toMultihash().bytes;
    const message = unsigned({ from, data, seqno, topic });
    const signature = await this.key.sign(Buffer.concat([SIGN_PREFIX, message]));
    // Field 5 of Message; the key is in the peer id.
    return Buffer.concat([message, Buffer.from([0x2a]), framed(signature)]);
  }

  /** A rightly signed message in the gossip. */
  async publish(target: Target, data: Uint8Array, topic = GOSSIP_TOPIC): Promise<void> {
    await this.rpc(target, carrying(await this.signed(data, topic)));
  }

  /** Ends all connections to it; what comes next is a new one. */
  async leave({ id }: Target): Promise<void> {
    await this.#node.hangUp(peerIdFromString(id));
  }

  async stop(): Promise<void> {
    await this.#node.stop();
  }

  #listen(stream: Stream): void {
    const cutter = new FrameCutter();
    stream.addEventListener('message', event => {
      for (const frame of cutter.push(event.data.subarray())) {
        for (const { number, value } of fieldsOf(frame)) if (number === 2) this.#keep(value);
      }
    });
  }

  #keep(raw: Uint8Array): void {
    const fields = fieldsOf(raw);
    const [author, data] = [1, 2].map(n => fields.find(f => f.number === n)?.value);
    if (!author || !data) return;
    this.heard.push({ raw: Uint8Array.from(raw), data: Uint8Array.from(data), author });
    if (this.heard.length > HEARD_MAX) this.heard.shift();
  }

  #take(stream: Stream): void {
    const reader = new FrameReader();
    stream.addEventListener('message', event => this.frames.push(...reader.push(event.data.subarray())));
  }
}
