/**
 * One AMT's `/wsman`: HTTP with digest, over TLS whose certificate is pinned before anything is sent. A connection is kept and used
 * again; a 401 closes it (AMT does so), and the request goes out on a new one.
 */
import { randomBytes } from 'node:crypto';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { ShoalError } from '../../../errors.ts';
import { authorization, type Challenge, type Credential, parseChallenge } from './digest.ts';

export type TransportOptions = {
  ip: string;
  port: number;
  ssl: boolean;
  /** SHA-256 of the certificate, hexadecimal with colons; or `ca`, PEM. */
  fingerprint: string;
  ca: string;
  /** Which realm it must have; empty: any. */
  realm: string;
  credential: Credential;
  /** For connection and answer, ms. */
  timeoutMs: number;
};

export type Reply = { status: number; body: string };

const PATH = '/wsman';
/** The longest known reply has some 50 kB. */
const BODY_MAX_BYTES = 2 ** 20;

export class Transport {
  readonly #options: TransportOptions;
  readonly #agent: Agent;
  #challenge: Challenge | undefined;
  #count = 0;
  #isAccepted = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#agent = new PinnedAgent(options);
  }

  /**
   * Rejects with SHOAL_AMT_UNREACHABLE (it may be asked again), SHOAL_AMT_IMPOSTOR, SHOAL_AMT_PASSWORD (it must not), or
   * SHOAL_AMT_ANSWER.
   */
  async post(body: string, signal: AbortSignal): Promise<Reply> {
    // A nonce of an earlier call may have been forgotten there; one that was refused twice is no matter of nonces.
    let retries = 1;
    for (;;) {
      const asked = this.#challenge;
      const { message, text } = await this.#send(body, signal);
      if (message.statusCode !== 401) {
        this.#isAccepted ||= asked !== undefined;
        return { status: message.statusCode ?? 0, body: text };
      }
      const next = this.#challenged(message);
      if (asked === undefined) continue;
      if ((this.#isAccepted || next.isStale) && retries > 0) {
        retries -= 1;
        continue;
      }
      throw this.#fault(
        'SHOAL_AMT_PASSWORD',
        'it refuses the user or the password',
        'Mend them, and raise password_version',
      );
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #challenged(message: IncomingMessage): Challenge {
    const challenge = parseChallenge(message.headers['www-authenticate'] ?? '');
    if (!challenge)
      throw this.#fault(
        'SHOAL_AMT_ANSWER',
        'it asks for no digest with qop',
        'See which device answers there',
      );
    const { realm } = this.#options;
    if (realm !== '' && challenge.realm !== realm)
      throw this.#fault(
        'SHOAL_AMT_IMPOSTOR',
        `its realm is ${challenge.realm}, not ${realm}`,
        'Enrol it anew, or look who answers there',
      );
    this.#challenge = challenge;
    this.#count = 0;
    return challenge;
  }

  #send(body: string, signal: AbortSignal): Promise<{ message: IncomingMessage; text: string }> {
    const { ip, port, credential, timeoutMs } = this.#options;
    const headers: Record<string, string | number> = {
      'content-type': 'application/soap+xml; charset=UTF-8',
      'content-length': Buffer.byteLength(body),
    };
    if (this.#challenge) {
      this.#count += 1;
      const asked = { method: 'POST', uri: PATH, body };
      const cnonce = randomBytes(16).toString('hex');
      headers.authorization = authorization(this.#challenge, asked, credential, this.#count, cnonce);
    }
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    return new Promise((resolve, reject) => {
      const failed = (error: Error) => reject(error instanceof ShoalError ? error : this.#unreachable(error));
      const sent = request(
        { host: ip, port, path: PATH, method: 'POST', headers, agent: this.#agent, signal: limit },
        message => {
          const chunks: Buffer[] = [];
          let bytes = 0;
          message.on('data', (chunk: Buffer) => {
            bytes += chunk.length;
            if (bytes > BODY_MAX_BYTES)
              sent.destroy(
                this.#fault('SHOAL_AMT_ANSWER', `its answer has more than ${BODY_MAX_BYTES} bytes`, ''),
              );
            chunks.push(chunk);
          });
          message.on('error', failed);
          // Borders of chunks fall within tags: only all of it is text.
          message.on('end', () => resolve({ message, text: Buffer.concat(chunks).toString('utf8') }));
        },
      );
      sent.on('error', failed);
      sent.end(body);
    });
  }

  #unreachable(error: Error): ShoalError {
    const { code } = error as { code?: string };
    const what =
      error.name === 'AbortError' || error.name === 'TimeoutError'
        ? 'no answer in time'
        : (code ?? error.message);
    return this.#fault(
      'SHOAL_AMT_UNREACHABLE',
      `it cannot be reached: ${what}`,
      'Ask `shoal doctor` of another node',
    );
  }

  #fault(code: string, what: string, todo: string): ShoalError {
    const { ip, port } = this.#options;
    return new ShoalError(code, what, `AMT at ${ip}:${port}`, todo);
  }
}

/** Connections whose other end has shown the pinned certificate. */
class PinnedAgent extends Agent {
  /** Those that have not shown a certificate yet are nobody else's to end. */
  readonly #opening = new Set<Socket>();
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    super({ keepAlive: true, maxSockets: 1 });
    this.#options = options;
  }

  /** Node asks it for every connection that it has not kept (http.Agent). */
  createConnection(
    _options: unknown,
    done?: (error: Error | null, socket: Socket) => void,
  ): Socket | undefined {
    const { ip: host, port, ssl, ca } = this.#options;
    if (!ssl) return connectTcp({ host, port });
    const socket = connectTls({
      ...{ host, port },
      // Firmware before 12 knows nothing newer; whom we speak with is proven by the pin, under any version.
      minVersion: 'TLSv1',
      // A name that the certificate of a firmware has is nobody's address.
      checkServerIdentity: () => undefined,
      rejectUnauthorized: ca !== '',
      ...(ca !== '' && { ca }),
      // A session that is resumed shows no certificate.
      session: undefined,
    });
    this.#opening.add(socket);
    socket.once('close', () => this.#opening.delete(socket));
    socket.setTimeout(this.#options.timeoutMs, () => socket.destroy(new Error('no handshake in time')));
    const failed = (error: Error) => done?.(error, socket);
    socket.once('error', failed);
    socket.once('secureConnect', () => {
      socket.off('error', failed);
      socket.setTimeout(0);
      this.#opening.delete(socket);
      const wrong = this.#wrong(socket);
      if (wrong) {
        socket.destroy();
        done?.(wrong, socket);
      } else done?.(null, socket);
    });
    return undefined;
  }

  override destroy(): void {
    for (const socket of this.#opening) socket.destroy();
    super.destroy();
  }

  #wrong(socket: TLSSocket): ShoalError | undefined {
    const { fingerprint, ip, port } = this.#options;
    if (fingerprint === '') return undefined;
    const shown = socket.getPeerCertificate().fingerprint256 ?? '';
    if (shown.toUpperCase() === fingerprint.toUpperCase()) return undefined;
    return new ShoalError(
      'SHOAL_AMT_IMPOSTOR',
      `its certificate is ${shown || 'none'}, not the pinned one`,
      `AMT at ${ip}:${port}`,
      'Enrol it anew, or look who answers there',
    );
  }
}
