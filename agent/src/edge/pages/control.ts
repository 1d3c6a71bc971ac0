/** One page server over its control socket: newline-delimited JSON, requests by id, events as they come. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ShoalError } from '../../errors.ts';
import { type BadLine, JsonLines } from '../json-lines.ts';
import { gone, isAlive, type ProcessId, signal, watchExit } from '../vmm/processes.ts';
import { decodeEvent, decodeFrozen, decodeStats } from './decode.ts';
import type { Frozen, PageServer, PageServerEvent, PageStats } from './types.ts';

/** Mapping the data of a large guest takes tens of ms; anything near this means the process hangs. */
const ANSWER_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 10_000;
const QUIT_MS = 1000;
/** A process that ends closes its connection first; one that is still there after this has dropped its client. */
const CLOSED_MS = 500;
/** Figures with a whole device-load set in them have some 100 KiB. */
const LINE_MAX = 2 ** 20;

type Waiting = {
  resolve(value: Record<string, unknown>): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
};

export class ControlledPageServer implements PageServer {
  readonly handoff: string;
  readonly pid: number;
  readonly #id: ProcessId;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(event: PageServerEvent) => void>();
  /** Events that came before anybody listened: the server replays its state to a new client at once. */
  #early: PageServerEvent[] | undefined = [];
  readonly #lines = new JsonLines(LINE_MAX);
  #nextId = 1;
  #exited = false;

  private constructor(handoff: string, id: ProcessId, socket: Socket) {
    this.handoff = handoff;
    this.pid = id.pid;
    this.#id = id;
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#take(text));
    socket.on('error', () => undefined); // `close` follows
    // Whatever the process does then: over this connection nothing more is heard of it, and nobody waits for that in silence.
    socket.on('close', () => void gone(id, CLOSED_MS).then(() => this.#exit()));
    watchExit(id, () => this.#exit());
  }

  /** Undefined when the process ends before it listens. */
  static async connect(
    handoff: string,
    id: ProcessId,
    path: string,
  ): Promise<ControlledPageServer | undefined> {
    const untilMs = Date.now() + CONNECT_TIMEOUT_MS;
    while (isAlive(id) && Date.now() < untilMs) {
      const socket = connect(path);
      const connected = await new Promise<boolean>(resolve => {
        socket.once('connect', () => resolve(true));
        socket.once('error', () => resolve(false));
      });
      if (connected) return new ControlledPageServer(handoff, id, socket);
      await sleep(2);
    }
    return undefined;
  }

  on(listener: (event: PageServerEvent) => void): () => void {
    this.#listeners.add(listener);
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const event of early) listener(event);
    return () => this.#listeners.delete(listener);
  }

  async connect(): Promise<void> {
    await this.#request('connect');
  }

  async watch(): Promise<void> {
    await this.#request('watch');
  }

  async warm(): Promise<void> {
    await this.#request('warm');
  }

  async freeze(): Promise<Frozen | undefined> {
    const said = await this.#request('freeze').catch((error: ShoalError) => {
      if (error.cause !== 'frozen') throw error;
      return undefined;
    });
    return said && this.#read(decodeFrozen, said);
  }

  async release(): Promise<void> {
    await this.#request('release');
  }

  async resumed(): Promise<void> {
    await this.#request('resumed');
  }

  async stats(): Promise<PageStats> {
    return this.#read(decodeStats, (await this.#request('stats')).stats);
  }

  #read<T>(decode: (said: unknown) => T, said: unknown): T {
    try {
      return decode(said);
    } catch (error) {
      throw this.#fault('SHOAL_PAGES_REFUSED', (error as BadLine).message);
    }
  }

  async end(): Promise<void> {
    this.#request('quit').catch(() => undefined);
    if (!(await gone(this.#id, QUIT_MS))) {
      signal(this.#id, 'SIGKILL');
      await gone(this.#id, CONNECT_TIMEOUT_MS);
    }
    this.#exit();
  }

  #request(cmd: string): Promise<Record<string, unknown>> {
    if (this.#exited) return Promise.reject(this.#fault('SHOAL_PAGES_GONE', `it ended before ${cmd}`));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(this.#fault('SHOAL_PAGES_SILENT', `no answer to ${cmd}`));
      }, ANSWER_TIMEOUT_MS);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#socket.write(`${JSON.stringify({ id, cmd })}\n`);
    });
  }

  #take(text: string): void {
    let messages: { event?: PageServerEvent | undefined; answer?: Record<string, unknown> }[];
    try {
      messages = this.#lines
        .push(text)
        .map(said => ('event' in said ? { event: decodeEvent(said) } : { answer: said }));
    } catch (error) {
      this.#mad((error as BadLine).message);
      return;
    }
    for (const { event, answer } of messages) {
      if (event) this.#tell(event);
      if (answer) this.#answer(answer);
    }
  }

  /** One that talks nonsense is ended: its successor starts over the same session. */
  #mad(what: string): void {
    const message = `it does not speak as a page server does: ${what}`;
    this.#tell({ event: 'error', code: 'control', message, fatal: true });
    this.#socket.destroy();
    signal(this.#id, 'SIGKILL');
  }

  #answer(message: Record<string, unknown>): void {
    const waiting = this.#waiting.get(Number(message.id));
    if (!waiting) return;
    this.#waiting.delete(Number(message.id));
    clearTimeout(waiting.timer);
    if (message.ok === true) waiting.resolve(message);
    else {
      const { code, message: why } = message;
      waiting.reject(this.#fault('SHOAL_PAGES_REFUSED', `${code}: ${why}`, code));
    }
  }

  #tell(event: PageServerEvent): void {
    if (this.#early) this.#early.push(event);
    for (const listener of [...this.#listeners]) listener(event);
  }

  #exit(): void {
    if (this.#exited) return;
    this.#exited = true;
    this.#socket.destroy();
    for (const [, waiting] of this.#waiting) {
      clearTimeout(waiting.timer);
      waiting.reject(this.#fault('SHOAL_PAGES_GONE', 'it ended'));
    }
    this.#waiting.clear();
    this.#tell({ event: 'exit' });
  }

  /** `cause`: the code of a refusal. */
  #fault(code: string, what: string, cause?: unknown): ShoalError {
    return new ShoalError(code, `the page server: ${what}`, `handoff ${this.handoff}`, 'See its log', {
      cause,
    });
  }
}
