/**
 * Messages between two nodes (offers, answers, commits), off the gossip: for each direction one long-lived stream of
 * `/shoal/handoff/1` over the connection that reports use. A new stream per message would cost five times the delay.
 */
import type { Connection, Stream } from '@libp2p/interface';
import { HANDOFF_BYTES_MAX, STREAM_PROTOCOL } from '@shoal/protocol';
import { ShoalError } from '../../errors.ts';
import type { AllowList } from './allow-list.ts';
import type { Dialer } from './dialer.ts';
import { FrameReader } from './framing.ts';
import { Listeners } from './listeners.ts';
import { Outbox } from './outbox.ts';
import type { Node } from './stack.ts';
import type { Log } from './types.ts';

export const SEND_TIMEOUT_MS = 5_000;

/** One is used; one more may stand half closed while its successor opens. */
const INBOUND_STREAMS = 3;

export type StreamsDeps = {
  node: Node;
  dialer: Dialer;
  allowList: AllowList;
  log: Log;
  heard(peer: string): void;
};

export class Streams {
  readonly messages: Listeners<[peer: string, frame: Uint8Array]>;
  readonly #deps: StreamsDeps;
  readonly #outboxes = new Map<string, Outbox>();

  constructor(deps: StreamsDeps) {
    this.#deps = deps;
    this.messages = new Listeners(deps.log);
  }

  async start(): Promise<void> {
    await this.#deps.node.handle(
      STREAM_PROTOCOL,
      (stream: Stream, connection: Connection) => this.#read(stream, connection.remotePeer.toString()),
      { maxInboundStreams: INBOUND_STREAMS, maxOutboundStreams: INBOUND_STREAMS },
    );
  }

  async send(peer: string, frame: Uint8Array, timeoutMs: number): Promise<void> {
    if (frame.byteLength === 0 || frame.byteLength > HANDOFF_BYTES_MAX) {
      throw new ShoalError(
        'SHOAL_FRAME_SIZE',
        `a message of ${frame.byteLength} bytes; 1 to ${HANDOFF_BYTES_MAX} are allowed`,
        peer,
        'Send less at once',
      );
    }
    if (!this.#deps.allowList.has(peer)) {
      throw new ShoalError(
        'SHOAL_PEER_UNKNOWN',
        'this node is not on the allow-list',
        peer,
        'Add it to mesh.peers on every node, or name one that is there',
      );
    }
    await this.#outbox(peer).send(frame, timeoutMs);
  }

  /** A peer was taken off the list. */
  drop(peer: string): void {
    this.#outboxes.get(peer)?.close();
    this.#outboxes.delete(peer);
  }

  #outbox(peer: string): Outbox {
    const found = this.#outboxes.get(peer);
    if (found) return found;
    const made = new Outbox(peer, async signal => {
      const connection = await this.#deps.dialer.connect(peer, signal);
      return connection.newStream(STREAM_PROTOCOL, { signal });
    });
    this.#outboxes.set(peer, made);
    return made;
  }

  #read(stream: Stream, peer: string): void {
    const reader = new FrameReader();
    const { log, heard } = this.#deps;
    stream.addEventListener('message', event => {
      if (stream.status !== 'open') return;
      heard(peer);
      try {
        for (const frame of reader.push(event.data.subarray())) this.messages.call(peer, frame);
      } catch (error) {
        const why = (error as Error).message;
        log.warn({ event: 'stream-refused', peer, why }, 'a bad frame, stream closed');
        stream.abort(error as Error);
      }
    });
  }
}
