/**
 * A double of Intel AMT before a machine that is not there, or that is (a QEMU node in S3): `/wsman` with a real digest, over TCP or
 * TLS, with faults on demand. Held to reality by clients that are not ours (`clients.test.ts`).
 */
import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Gatekeeper } from './gatekeeper.ts';
import { type Knobs, WELL } from './knobs.ts';
import { type Answer, type Machine, Wsman } from './wsman.ts';

export type { Machine } from './wsman.ts';

const BUSY = 2;
const HUGE_BYTES = 2 * 2 ** 20;
const BODY_MAX_BYTES = 2 ** 18;

export class AmtDouble {
  readonly knobs: Knobs;
  readonly #gate: Gatekeeper;
  readonly #wsman: Wsman;
  readonly #machine: Machine;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #busyUntilMs = 0;
  /** Requests that were let in, by their SOAP action's last word. */
  readonly asked: string[] = [];
  /** Those on which anything was asked. */
  connections = 0;
  readonly #numbers = new WeakMap<object, number>();
  /** Both halves of every exchange, secrets left out. */
  transcript: ((text: string) => void) | undefined;

  constructor(machine: Machine, knobs: Partial<Knobs> = {}) {
    this.knobs = { ...WELL, ...knobs };
    this.#machine = machine;
    this.#gate = new Gatekeeper(this.knobs);
    this.#wsman = new Wsman(this.knobs, {
      state: () => machine.state(),
      request: state => this.#request(state),
    });
  }

  /** Answers that it refused for their digest, without those that had none. */
  get refusals(): number {
    return this.#gate.refusals;
  }

  /** `tls`: key and certificate, PEM. Resolves with the port. */
  async listen(host: string, port: number, tls?: { key: string; cert: string }): Promise<number> {
    const handle = (request: IncomingMessage, response: ServerResponse) =>
      void this.#handle(request, response).catch(() => response.destroy());
    const server = tls ? createHttps({ ...tls, minVersion: 'TLSv1.2' }, handle) : createHttp(handle);
    // Firmware keeps connections for a while; Node's five seconds would be told apart.
    server.keepAliveTimeout = 30_000;
    server.on('connection', socket => this.#connected(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    return (server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>(resolve => (this.#server ? this.#server.close(() => resolve()) : resolve()));
  }

  #connected(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await read(request);
    // Taken by its network stack, and by nobody behind it.
    if (this.knobs.hangs || this.#numberOf(request.socket) <= this.knobs.dozes) return;
    if (this.knobs.lateMs > 0) await sleep(this.knobs.lateMs);
    const { method = '', url = '', headers } = request;
    this.#note('>', [`${method} ${url}`, ...headersOf(request.rawHeaders)], body);
    if (method !== 'POST' || url !== '/wsman') return void response.writeHead(404).end();
    const verdict = this.#gate.judge({ method, uri: url, body, authorization: headers.authorization ?? '' });
    if (!verdict.ok) return this.#refuse(response, verdict.isStale);
    this.asked.push(/Action[^>]*>[^<]*\/([A-Za-z]+)</.exec(body)?.[1] ?? 'Identify');
    this.#reply(response, this.#misanswer(this.#wsman.answer(body)));
  }

  #numberOf(socket: object): number {
    const known = this.#numbers.get(socket);
    if (known !== undefined) return known;
    this.connections += 1;
    this.#numbers.set(socket, this.connections);
    return this.connections;
  }

  /** It closes the connection with it, as AMT does. */
  #refuse(response: ServerResponse, isStale: boolean): void {
    const page = '<HTML><HEAD><TITLE>Log On</TITLE></HEAD><BODY>401 Unauthorized</BODY></HTML>';
    const challenge = this.#gate.challenge(isStale);
    this.#note('<', ['401', `WWW-Authenticate: ${challenge}`], page);
    response.writeHead(401, {
      'www-authenticate': challenge,
      'content-type': 'text/html',
      server: 'Intel(R) Active Management Technology 15.0.23.1706',
      'content-length': page.length,
      connection: 'close',
    });
    response.end(page);
  }

  #misanswer(right: Answer): Answer {
    const { reply } = this.knobs;
    if (reply === 'fault') return this.#wsman.answer('');
    if (reply === 'truncated') return { ...right, body: right.body.slice(0, right.body.length / 2) };
    if (reply === 'huge')
      return { ...right, body: right.body.replace('<a:Body>', `<a:Body>${' '.repeat(HUGE_BYTES)}`) };
    if (reply === 'doctype')
      return { ...right, body: right.body.replace('?>', '?><!DOCTYPE a [<!ENTITY b "c">]>') };
    if (reply === 'html') return { status: 200, body: '<html><body>A printer</body></html>' };
    return right;
  }

  #reply(response: ServerResponse, { status, body }: Answer): void {
    response.writeHead(status, {
      'content-type': 'application/soap+xml; charset=UTF-8',
      'transfer-encoding': 'chunked',
    });
    this.#note('<', [String(status)], body);
    const bytes = Buffer.from(body, 'utf8');
    const end = this.knobs.breaks ? bytes.length / 2 : bytes.length;
    for (let at = 0; at < end; at += this.knobs.chunkBytes)
      response.write(bytes.subarray(at, Math.min(end, at + this.knobs.chunkBytes)));
    if (this.knobs.breaks) response.socket?.resetAndDestroy();
    else response.end();
  }

  #note(way: '<' | '>', head: string[], body: string): void {
    this.transcript?.(
      `${head.map(line => `${way} ${line}`).join('\n')}\n${body === '' ? '' : `${way} ${body}\n`}`,
    );
  }

  /** One change at a time: a second one is refused meanwhile. */
  #request(state: number): number {
    const { returns, lies, transitionMs } = this.knobs;
    if (returns >= 0) return returns;
    if (performance.now() < this.#busyUntilMs) return BUSY;
    this.#busyUntilMs = performance.now() + transitionMs;
    if (lies) return 0;
    if (transitionMs === 0) return this.#machine.request(state);
    setTimeout(() => this.#machine.request(state), transitionMs).unref();
    return 0;
  }
}

/** Of a digest only that it is one: what it was made with must not be guessed from a transcript. */
const headersOf = (raw: readonly string[]): string[] =>
  raw.flatMap((name, i) =>
    i % 2 === 1 ? [] : [`${name}: ${(raw[i + 1] ?? '').replace(/(response|cnonce)="?[^",]*"?/g, '$1=…')}`],
  );

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_MAX_BYTES) throw new Error('a request of an attacker');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
