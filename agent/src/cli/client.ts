/** Asks an agent: over its unix socket (everything), over HTTPS with a token (all but consoles), or over HTTP (reads). */
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { ShoalError } from '../errors.ts';
import { plain } from './format.ts';
import { type Place, targetOf, unreachable } from './target.ts';
import { readToken } from './token-file.ts';

export type { Place } from './target.ts';

/** `text` is the answer as it came, `value` the same parsed, its strings safe for a terminal. */
export type Answer<T> = { text: string; value: T };

/** Whether an answer has the form that is read here: something else may listen there. */
export type Form = 'object' | 'list' | 'nothing';

/** A read is answered from memory or one disk look-up. */
const READ_TIMEOUT_MS = 15_000;
/** A change may wait for a VMM's start (20 s) or a peer's answer to an offer (5 s). */
const CHANGE_TIMEOUT_MS = 60_000;

export class Client {
  readonly #place: Place;
  readonly #target: ReturnType<typeof targetOf>;

  /** Throws SHOAL_CLI_USAGE for a place that is none. */
  constructor(place: Place) {
    this.#place = place;
    this.#target = targetOf(place);
  }

  /** What messages call the agent that is asked. */
  get where(): string {
    return this.#place.node || this.#place.socket;
  }

  /** Whether this is the agent of this machine. */
  get local(): boolean {
    return this.#target.by === 'socket';
  }

  /** Whether changes can be asked for. */
  get mayChange(): boolean {
    return this.#target.by !== 'http';
  }

  get<T>(path: string, form: Form, timeoutMs = READ_TIMEOUT_MS): Promise<Answer<T>> {
    return this.#ask('GET', path, form, timeoutMs);
  }

  /** Rejects with SHOAL_CLI_NEEDS_SOCKET before anything is sent when the place is plain HTTP. */
  async post<T>(path: string, form: Form, body = '{}', type = 'application/json'): Promise<Answer<T>> {
    if (!this.mayChange) throw needsHttps(this.where);
    return this.#ask('POST', path, form, CHANGE_TIMEOUT_MS, { body, type });
  }

  async #ask<T>(
    method: string,
    path: string,
    form: Form,
    timeoutMs: number,
    sent?: { body: string; type: string },
  ): Promise<Answer<T>> {
    const { tokenFile, actor } = this.#place;
    const headers = {
      ...(sent && { 'content-type': sent.type, 'content-length': Buffer.byteLength(sent.body) }),
      ...(tokenFile !== '' && { authorization: `Bearer ${await readToken(tokenFile)}` }),
      ...(this.local && { 'shoal-actor': actor }),
    };
    const options = { method, path, headers, agent: false } as const;
    const { status, text } = await this.#exchange(options, timeoutMs, sent?.body);
    return this.#read(status, text, form);
  }

  async #exchange(
    options: RequestOptions,
    timeoutMs: number,
    body: string | undefined,
  ): Promise<{ status: number; text: string }> {
    const connection = await this.#target.connect(timeoutMs);
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => reject(unreachable(this.#place, error));
      const req = request({ ...options, ...connection }, (res: IncomingMessage) => {
        let text = '';
        res.setEncoding('utf8').on('data', part => {
          text += part;
        });
        res.once('error', fail);
        res.once('end', () => resolve({ status: res.statusCode ?? 0, text }));
      });
      const silent = new Error(`no answer within ${timeoutMs / 1000} s`);
      const timer = setTimeout(() => req.destroy(silent), timeoutMs);
      req.once('close', () => clearTimeout(timer));
      req.once('error', fail);
      req.end(body);
    });
  }

  #read<T>(status: number, text: string, form: Form): Answer<T> {
    if (form === 'nothing' && status === 204) return { text: '{}', value: undefined as T };
    const value = parsed(text) as Record<string, unknown> | undefined;
    if (status >= 400 && typeof value?.code === 'string' && value.code.startsWith('SHOAL_')) {
      throw new ShoalError(value.code, String(value.detail), String(value.where), String(value.todo));
    }
    const fits = typeof value === 'object' && value !== null && Array.isArray(value) === (form === 'list');
    if (status < 200 || status >= 300 || !fits) {
      const what = `it answers ${status} with what is no answer of a Shoal agent of this version`;
      throw new ShoalError('SHOAL_CLI_ANSWER', what, this.where, 'Check what listens there');
    }
    return { text, value: value as T };
  }
}

export const needsHttps = (node: string): ShoalError =>
  new ShoalError(
    'SHOAL_CLI_NEEDS_SOCKET',
    'changes need the unix socket of the node, or HTTPS with a token',
    node,
    'Run it on that node, without --node; or name it by https:// with --token-file',
  );

export const needsSocket = (node: string): ShoalError =>
  new ShoalError(
    'SHOAL_CLI_NEEDS_SOCKET',
    'consoles need the unix socket of the node',
    node,
    'Run it on that node, without --node',
  );

function parsed(text: string): unknown {
  try {
    return JSON.parse(text, (_, value) => (typeof value === 'string' ? plain(value) : value));
  } catch {
    return undefined;
  }
}
