/**
 * A QMP client over a unix socket (QEMU docs/interop/qmp-spec.txt): one line of JSON each way, answers matched by id,
 * events as they come. One client a monitor: QEMU serves one connection at a time.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ShoalError } from '../../errors.ts';
import { JsonLines } from '../json-lines.ts';

export type QmpEvent = { event: string; data: Record<string, unknown> };

/** The longest answer of the commands we use is some 20 KiB; a monitor that sends more is not QEMU. */
const LINE_MAX = 4 * 2 ** 20;
/** QEMU answers queries in 1 ms; a `stop` behind an unserved fault takes as long as the fault (facts: 8 s seen). */
const ANSWER_TIMEOUT_MS = 15_000;
/** A full backlog is that of a VMM which waits for a page: it lasts as long as its link is down. */
const DIAL_AGAIN_MS = 1000;

/** Every QEMU since 3.0 can, on a socket. Enabled, it changes nothing for the commands that do not ask for it. */
const OUT_OF_BAND = { enable: ['oob'] };

type Waiting = { resolve(value: unknown): void; reject(error: Error): void; timer: NodeJS.Timeout };

export class Qmp {
  /** Undefined until a monitor with a full backlog takes the connection. */
  #socket: Socket | undefined;
  readonly #where: string;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  readonly #closers = new Set<(why: string) => void>();
  readonly #lines = new JsonLines(LINE_MAX);
  #nextId = 1;
  /** Why it is closed; empty while it is not. */
  #closed = '';
  #greet: (() => void) | undefined;

  private constructor(where: string) {
    this.#where = where;
  }

  #bind(socket: Socket): void {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#take(text));
    socket.on('error', error => this.#close(error.message));
    socket.on('close', () => this.#close('the VMM closed it'));
  }

  /** Connects and leaves negotiation mode. Rejects when nobody listens or no greeting comes in time. */
  static async open(path: string, timeoutMs: number): Promise<Qmp> {
    const qmp = new Qmp(path);
    qmp.#bind(await connected(path));
    try {
      await qmp.#greeting(timeoutMs);
      await qmp.execute('qmp_capabilities', OUT_OF_BAND);
    } catch (error) {
      qmp.close();
      throw error;
    }
    return qmp;
  }

  /**
   * Connects to a monitor that may be deaf for now: QEMU's main loop can wait for a page while the link to its source
   * is down. What is asked meanwhile is answered when it listens again, or rejected as silent.
   */
  static async attach(path: string): Promise<Qmp> {
    const qmp = new Qmp(path);
    await qmp.#dial().catch(error => {
      // Its backlog is full of connections that earlier lives of this agent left: it lives and is deaf.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      void qmp.#dialLater();
    });
    return qmp;
  }

  async #dial(): Promise<void> {
    this.#bind(await connected(this.#where));
    this.execute('qmp_capabilities', OUT_OF_BAND).catch(() => undefined);
  }

  async #dialLater(): Promise<void> {
    while (!this.#closed && !this.#socket) {
      await sleep(DIAL_AGAIN_MS, undefined, { ref: false });
      await this.#dial().catch(error => {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') this.#close((error as Error).message);
      });
    }
  }

  onEvent(listener: (event: QmpEvent) => void): void {
    this.#listeners.add(listener);
  }

  /** `why`: for people. */
  onClose(listener: (why: string) => void): void {
    if (this.#closed) listener(this.#closed);
    else this.#closers.add(listener);
  }

  /** The socket of the monitor. */
  get path(): string {
    return this.#where;
  }

  /** Rejects with SHOAL_VMM_REFUSED and QEMU's own words, SHOAL_VMM_SILENT, or SHOAL_VMM_GONE. */
  execute(command: string, args?: Record<string, unknown>): Promise<unknown> {
    return this.#ask('execute', command, args);
  }

  /**
   * Past the main loop, which may wait for a page (qmp-spec.txt, 2.3.1): only for what QEMU allows so, which are
   * `migrate-recover` and `migrate-pause`.
   */
  executeOutOfBand(command: string, args?: Record<string, unknown>): Promise<unknown> {
    return this.#ask('exec-oob', command, args);
  }

  #ask(
    how: 'execute' | 'exec-oob',
    command: string,
    args: Record<string, unknown> | undefined,
  ): Promise<unknown> {
    if (this.#closed) return Promise.reject(this.#gone(command));
    const socket = this.#socket;
    if (!socket) return Promise.reject(this.#silent(command));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      // A late answer finds nobody waiting under its id and is dropped: nothing gets out of step.
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(this.#silent(command));
      }, ANSWER_TIMEOUT_MS);
      this.#waiting.set(id, { resolve, reject, timer });
      socket.write(`${JSON.stringify({ [how]: command, ...(args && { arguments: args }), id })}\n`);
    });
  }

  close(): void {
    this.#close('this agent closed it');
    this.#socket?.destroy();
  }

  #greeting(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#silent('greeting')), timeoutMs);
      this.#closers.add(() => {
        clearTimeout(timer);
        reject(this.#gone('greeting'));
      });
      this.#greet = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #take(text: string): void {
    try {
      for (const message of this.#lines.push(text)) this.#hear(message);
    } catch (error) {
      this.#close((error as Error).message);
      this.#socket?.destroy();
    }
  }

  #hear(message: Record<string, unknown>): void {
    if ('QMP' in message) this.#greet?.();
    else if (typeof message.event === 'string') {
      const event = { event: message.event, data: (message.data ?? {}) as Record<string, unknown> };
      for (const listener of this.#listeners) listener(event);
    } else this.#answer(message);
  }

  #answer(message: Record<string, unknown>): void {
    const waiting = this.#waiting.get(message.id as number);
    if (!waiting) return;
    this.#waiting.delete(message.id as number);
    clearTimeout(waiting.timer);
    const error = message.error as { class?: string; desc?: string } | undefined;
    if (error)
      waiting.reject(new ShoalError('SHOAL_VMM_REFUSED', `the VMM says: ${error.desc}`, this.#where, ''));
    else waiting.resolve(message.return);
  }

  #close(why: string): void {
    if (this.#closed) return;
    this.#closed = why;
    for (const [, waiting] of this.#waiting) {
      clearTimeout(waiting.timer);
      waiting.reject(this.#gone('answer'));
    }
    this.#waiting.clear();
    for (const closer of this.#closers) closer(why);
  }

  #gone(what: string): ShoalError {
    return new ShoalError(
      'SHOAL_VMM_GONE',
      `its monitor was closed (${this.#closed}) before: ${what}`,
      this.#where,
      'See its log',
    );
  }

  #silent(what: string): ShoalError {
    const todo = 'A VMM that waits for a page that cannot be served looks like this; see `shoal status`';
    return new ShoalError('SHOAL_VMM_SILENT', `the VMM did not answer in time: ${what}`, this.#where, todo);
  }
}

async function connected(path: string): Promise<Socket> {
  const socket = connect(path);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return socket;
}
