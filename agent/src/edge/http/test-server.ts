/** For tests alone: both listeners over a TestApi, in a directory of their own, and a client of few words. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMetrics } from '../metrics.ts';
import type { People } from '../people/people.ts';
import { testPeople } from '../people/testing.ts';
import type { HttpDeps } from './app.ts';
import { createHttpServers, type HttpOptions, type HttpServers } from './servers.ts';
import { TestApi } from './test-api.ts';

const quiet = () => {};
const silent = { debug: quiet, info: quiet, warn: quiet, error: quiet };

const NO_HTTPS = { https: '', certificate: { dir: '', command: '', certFile: '', keyFile: '' } };

/** Servers of an agent that has nothing to say, for how they listen. */
export function createServers(options: Pick<HttpOptions, 'listen' | 'socket' | 'group'>): HttpServers {
  const metrics = { count: quiet } as unknown as HttpDeps['metrics'];
  return createHttpServers(
    { ...options, ...NO_HTTPS },
    { api: new TestApi(), metrics, log: silent, people: testPeople(silent).people },
  );
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked at, not trusted
export type Answer = { status: number; type: string; text: string; json: any };

export class TestServer {
  readonly dir = mkdtempSync(join(tmpdir(), 'shoal-http-'));
  readonly socket = join(this.dir, 'run', 'shoald.sock');
  readonly api: TestApi;
  readonly metrics = createMetrics();
  readonly logged: unknown[] = [];
  readonly servers: HttpServers;
  readonly people: People;
  /** Time of tokens and paces, ms. */
  readonly time: { ms: number };

  constructor(api = new TestApi(), group = '', more: Partial<HttpOptions> = {}) {
    this.api = api;
    const note = (fields: object, message: string) => this.logged.push([fields, message]);
    const log = { debug: note, info: note, warn: note, error: note };
    const { people, time } = testPeople(log);
    this.people = people;
    this.time = time;
    const options = { listen: '127.0.0.1:0', socket: this.socket, group, ...NO_HTTPS, ...more };
    this.servers = createHttpServers(options, { api, metrics: this.metrics, log, people });
  }
  get url(): string {
    return `http://${this.servers.address().tcp}`;
  }
  start(): Promise<void> {
    return this.servers.start();
  }
  async stop(): Promise<void> {
    await this.servers.stop();
    this.metrics.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
  tcp(method: string, path: string, body?: string, type?: string): Promise<Answer> {
    const [host, port] = this.servers.address().tcp.split(':');
    return ask({ host, port }, method, path, body, type);
  }
  local(method: string, path: string, body?: string, type?: string): Promise<Answer> {
    return ask({ socketPath: this.socket }, method, path, body, type);
  }
}

function ask(
  where: object,
  method: string,
  path: string,
  body?: string,
  type = 'application/json',
): Promise<Answer> {
  const headers =
    body === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const req = request({ ...where, method, path, headers, agent: false }, res => {
      let text = '';
      res.setEncoding('utf8').on('data', part => {
        text += part;
      });
      res.on('end', () => {
        const contentType = String(res.headers['content-type'] ?? '');
        const json = contentType.includes('json') && text ? JSON.parse(text) : undefined;
        resolve({ status: res.statusCode ?? 0, type: contentType, text, json });
      });
    });
    req.on('error', reject).end(body);
  });
}
