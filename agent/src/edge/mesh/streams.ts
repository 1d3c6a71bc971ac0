/**
 * Messages between two nodes (offers, answers, commits), off the gossip: for each direction one stream of a protocol over
 * the connection that reports use. A new stream per message would cost five times the delay.
 */
import type { Connection, Stream } from '@libp2p/interface';
import { HANDOFF_BYTES_MAX } from '@shoal/protocol';
import { LINES, Rate, Rates } from '../../core/rate.ts';
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

export type StreamsOptions = {
  protocol: string;
  /** A stream on which nothing was sent for so long is closed; 0 = it stays open. */
  closeAfterMs: number;
  /** How many frames one peer may send; more end the stream. */
  frames: { burst: number; perSecond: number };
};

export type StreamsDeps = {
  node: Node;
  dialer: Dialer;
  allowList: AllowList;
  log: Log;
  heard(peer: string): void;
  /** Nothing that it sends is looked at for now. */
  isShutOut(peer: string): boolean;
};

export class Streams {
  readonly messages: Listeners<[peer: string, frame: Uint8Array]>;
  readonly #options: StreamsOptions;
  readonly #deps: StreamsDeps;
  readonly #outboxes = new Map<string, Outbox>();
  readonly #rates = new Map<string, Rate>();
  readonly #lines = new Rates(LINES.burst, LINES.perSecond);

  constructor(options: StreamsOptions, deps: StreamsDeps) {
    this.#options = options;
    this.#deps = deps;
    this.messages = new Listeners(deps.log);
  }

  async start(): Promise<void> {
    await this.#deps.node.handle(
      this.#options.protocol,
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
    this.#rates.delete(peer);
    this.#lines.forget(peer);
  }

  #outbox(peer: string): Outbox {
    const found = this.#outboxes.get(peer);
    if (found) return found;
    const { protocol, closeAfterMs } = this.#options;
    const made = new Outbox(peer, closeAfterMs, async signal => {
      const connection = await this.#deps.dialer.connect(peer, signal);
      return connection.newStream(protocol, { signal });
    });
    this.#outboxes.set(peer, made);
    return made;
  }

  #read(stream: Stream, peer: string): void {
    const reader = new FrameReader();
    const { log, heard, isShutOut } = this.#deps;
    // What is read is all that there is: the writer's end of a stream that is over is closed as well.
    stream.addEventListener('remoteCloseWrite', () => void stream.close().catch(() => {}));
    stream.addEventListener('message', event => {
      if (stream.status !== 'open') return;
      heard(peer);
      try {
        if (isShutOut(peer)) throw new Error('it is not listened to after what it sent');
        for (const frame of reader.push(event.data.subarray())) {
          this.#mustNotFlood(peer);
          this.messages.call(peer, frame);
        }
      } catch (error) {
        const why = (error as Error).message;
        // A stream costs its sender nothing: one may be opened and spoilt as fast as the network goes.
        if (this.#lines.take(peer, performance.now()))
          log.warn({ event: 'stream-refused', peer, why }, 'a bad frame, stream closed');
        stream.abort(error as Error);
      }
    });
  }

  #mustNotFlood(peer: string): void {
    const { burst, perSecond } = this.#options.frames;
    const rate = this.#rates.get(peer) ?? new Rate(burst, perSecond);
    this.#rates.set(peer, rate);
    if (!rate.take(performance.now())) throw new Error(`more than ${perSecond} messages a second`);
  }
}
