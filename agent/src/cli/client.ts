/** Asks an agent: over its unix socket (everything), or over HTTP of any node (reads). */
import { request } from 'node:http';
import { ShoalError } from '../errors.ts';
import { plain } from './format.ts';

/** `url` is `http://host:port`; empty = the socket. */
export type Place = { socket: string; url: string };

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
  readonly #target: object;

  constructor(place: Place) {
    this.#place = place;
    this.#target = place.url === '' ? { socketPath: place.socket } : hostOf(place.url);
  }

  /** What messages call the agent that is asked. */
  get where(): string {
    return this.#place.url || this.#place.socket;
  }

  /** Whether changes can be asked for. */
  get local(): boolean {
    return this.#place.url === '';
  }

  get<T>(path: string, form: Form): Promise<Answer<T>> {
    return this.#ask('GET', path, form, READ_TIMEOUT_MS);
  }

  /** Rejects with SHOAL_CLI_NEEDS_SOCKET before anything is sent when the place is a `--url`. */
  async post<T>(path: string, form: Form, body = '{}', type = 'application/json'): Promise<Answer<T>> {
    if (!this.local) throw needsSocket(this.where);
    return this.#ask('POST', path, form, CHANGE_TIMEOUT_MS, { body, type });
  }

  #ask<T>(
    method: string,
    path: string,
    form: Form,
    timeoutMs: number,
    sent?: { body: string; type: string },
  ): Promise<Answer<T>> {
    const headers = sent && { 'content-type': sent.type, 'content-length': Buffer.byteLength(sent.body) };
    return new Promise((resolve, reject) => {
      const req = request({ ...this.#target, method, path, headers, agent: false }, res => {
        let text = '';
        res.setEncoding('utf8').on('data', part => {
          text += part;
        });
        res.once('error', error => reject(unreachable(this.#place, error)));
        res.once('end', () => {
          try {
            resolve(this.#read(res.statusCode ?? 0, text, form));
          } catch (error) {
            reject(error);
          }
        });
      });
      const silent = new Error(`no answer within ${timeoutMs / 1000} s`);
      const timer = setTimeout(() => req.destroy(silent), timeoutMs);
      req.once('close', () => clearTimeout(timer));
      req.once('error', error => reject(unreachable(this.#place, error)));
      req.end(sent?.body);
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

export const needsSocket = (url: string): ShoalError =>
  new ShoalError(
    'SHOAL_CLI_NEEDS_SOCKET',
    'changes and consoles need the unix socket of the node',
    url,
    'Run it on that node, without --url',
  );

function parsed(text: string): unknown {
  try {
    return JSON.parse(text, (_, value) => (typeof value === 'string' ? plain(value) : value));
  } catch {
    return undefined;
  }
}

/** Throws SHOAL_CLI_USAGE for what is no `http://host:port`. */
function hostOf(url: string): { hostname: string; port: string } {
  const at = URL.canParse(url) ? new URL(url) : undefined;
  if (at?.protocol === 'http:' && at.pathname === '/' && at.search === '' && at.username === '')
    return { hostname: at.hostname.replace(/^\[|\]$/g, ''), port: at.port || '80' };
  throw new ShoalError(
    'SHOAL_CLI_USAGE',
    'that is no address of a node',
    `--url ${url}`,
    'Write http://host:port',
  );
}

const WHY: Record<string, string> = {
  ENOENT: 'there is no such socket',
  ECONNREFUSED: 'nobody listens there',
  EACCES: 'this user may not use the socket',
  EPERM: 'this user may not use the socket',
};

function unreachable({ socket, url }: Place, cause: NodeJS.ErrnoException): ShoalError {
  const denied = cause.code === 'EACCES' || cause.code === 'EPERM';
  const local = denied
    ? 'Run it as root, or as a member of control.group'
    : 'See `systemctl status shoald`, or name another --socket';
  const what = `no agent answers: ${WHY[cause.code ?? ''] ?? cause.message}`;
  const todo = url ? 'See `systemctl status shoald` on that node, and its http.listen' : local;
  return new ShoalError('SHOAL_CLI_UNREACHABLE', what, url || socket, todo, { cause });
}
