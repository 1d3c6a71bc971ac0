/** Frames on their way to one peer: one at a time over one long-lived stream, in order; bounded; each with a deadline. */
import type { Stream } from '@libp2p/interface';
import { ShoalError } from '../../errors.ts';
import { encodeFrame } from './framing.ts';

/** Handoff messages are few; a longer queue means the peer does not read. */
const QUEUE_MAX = 64;
/** What TCP has not taken yet. */
const UNSENT_MAX_BYTES = 1_048_576;

/** Opens a stream, over a new connection if need be. */
export type OpenStream = (signal: AbortSignal) => Promise<Stream>;

export class Outbox {
  readonly #peer: string;
  readonly #openStream: OpenStream;
  readonly #closeAfterMs: number;
  #idle: NodeJS.Timeout | undefined;
  #stream: Stream | undefined;
  #queued = 0;
  #last: Promise<void> = Promise.resolve();

  /** `closeAfterMs`: the stream is closed when nothing was sent for so long; 0 = never. */
  constructor(peer: string, closeAfterMs: number, openStream: OpenStream) {
    this.#peer = peer;
    this.#closeAfterMs = closeAfterMs;
    this.#openStream = openStream;
  }

  async send(frame: Uint8Array, timeoutMs: number): Promise<void> {
    if (this.#queued >= QUEUE_MAX) {
      throw new ShoalError(
        'SHOAL_PEER_BUSY',
        `${QUEUE_MAX} messages wait for this peer already`,
        this.#peer,
        'Try again when the peer answers',
      );
    }
    this.#queued += 1;
    const signal = AbortSignal.timeout(timeoutMs);
    const mine = this.#last.then(() => this.#write(frame, signal));
    // The next frame waits for this one, whatever comes of it.
    this.#last = mine.catch(() => {});
    try {
      await mine;
    } catch (error) {
      const why = signal.aborted ? `not within ${timeoutMs} ms` : (error as Error).message;
      throw new ShoalError(
        'SHOAL_PEER_UNREACHABLE',
        `the message could not be sent: ${why}`,
        this.#peer,
        "Check that the peer's agent runs and that its mesh address can be reached from here",
        { cause: error },
      );
    } finally {
      this.#queued -= 1;
      this.#closeWhenIdle();
    }
  }

  close(): void {
    clearTimeout(this.#idle);
    this.#stream?.abort(new Error('closed'));
    this.#stream = undefined;
  }

  #closeWhenIdle(): void {
    if (this.#closeAfterMs === 0) return;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      if (this.#queued > 0) return;
      void this.#stream?.close().catch(() => {});
      this.#stream = undefined;
    }, this.#closeAfterMs);
    this.#idle.unref();
  }

  async #write(frame: Uint8Array, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const stream = await this.#writable(signal);
    if (stream.send(encodeFrame(frame))) return;
    await drained(stream, signal);
  }

  async #writable(signal: AbortSignal): Promise<Stream> {
    if (this.#stream?.status === 'open' && this.#stream.writeStatus === 'writable') return this.#stream;
    const stream = await this.#openStream(signal);
    stream.maxWriteBufferLength = UNSENT_MAX_BYTES;
    this.#stream = stream;
    return stream;
  }
}

/** Resolves when the stream takes data again; rejects when it closes first, or at the deadline. */
function drained(stream: Stream, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (done: () => void) => () => {
      stream.removeEventListener('drain', onDrain);
      stream.removeEventListener('close', onClose);
      signal.removeEventListener('abort', onAbort);
      done();
    };
    const onDrain = settle(resolve);
    const onClose = settle(() => reject(new Error('the stream closed')));
    const onAbort = settle(() => reject(signal.reason));
    stream.addEventListener('drain', onDrain);
    stream.addEventListener('close', onClose);
    signal.addEventListener('abort', onAbort);
  });
}
