/** Requests to both listeners of the HTTP API, as its real server reads them, over an API that answers from fixed data. */
import { openApp, socketApp } from '@shoal/agent/edge/http/listeners';
import { TestApi } from '@shoal/agent/edge/http/test-api';
import { createMetrics } from '@shoal/agent/edge/metrics';
import { testPeople } from '@shoal/agent/edge/people/testing';
import { Broken, type Codec, Refused } from '../codec.ts';
import { read, write } from '../forms.ts';

type Request = { method: string; url: string; type: string; body: string; over: 'tcp' | 'socket' };

const METHODS = ['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'] as const;
const request = (method: string, url: string, body = '', type = 'application/json', over = 'socket') =>
  write('json', { method, url, type, body, over });

const SEEDS = [
  request('GET', '/v1/status', '', '', 'tcp'),
  request('GET', '/v1/vms/vm1'),
  request('GET', '/v1/history?subject=vm1&sinceMs=1000', '', '', 'tcp'),
  request('GET', '/v1/decisions?limit=20'),
  request('GET', '/v1/explain/vm1'),
  request('GET', '/v1/handoffs/a1b2c3d4-0000-4000-8000-000000000001'),
  request('POST', '/v1/vms', 'name: a\nmemory: 1GiB\n', 'application/yaml'),
  request('POST', '/v1/vms?dryRun=true', '{"name":"a","memory":"1GiB"}'),
  request('POST', '/v1/vms/vm1/actions/migrate', '{"node":"node0","engine":"precopy"}'),
  request('POST', '/v1/vms/vm1/actions/stop', '', '', 'tcp'),
  request('POST', '/v1/mesh/actions/pause', '{"ttlMs":1000}'),
  request('POST', '/v1/node/actions/cordon', '{}'),
  request('POST', '/v1/tokens', '{"role":"read","name":"a","ttlMs":1000}'),
  request('POST', '/v1/tokens/actions/add', '{"record":"0123456789abcdef.read.0.ab.a"}'),
  request('GET', '/v1/audit?limit=5'),
];

const quiet = () => undefined;

/** Made once: what a server keeps from request to request is what would grow. */
export function httpCodec(): Codec {
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const api = new TestApi();
  // It notes every change for its tests; here that would be all that ever grows.
  api.asked.push = () => 0;
  const { people } = testPeople(log, 'node0', 100);
  const deps = { api, metrics: createMetrics(), log, people };
  const apps = { tcp: openApp(deps), socket: socketApp(deps) };
  return {
    name: 'http-request',
    weight: 2,
    form: 'json',
    answersLater: true,
    seeds: SEEDS,
    async decode(bytes) {
      const asked = requestOf(bytes);
      const headers = asked.type === '' ? {} : { 'content-type': asked.type };
      const { method, url, body } = asked;
      const answer = await apps[asked.over].inject({
        method: method as (typeof METHODS)[number],
        url,
        headers,
        payload: body,
      });
      if (answer.statusCode >= 500)
        throw new Broken(`${method} ${url}: ${answer.statusCode} ${answer.body.slice(0, 200)}`);
      if (asked.over === 'tcp' && method === 'POST' && answer.statusCode < 400)
        throw new Broken(`a change was taken over TCP: ${url}`);
      if (answer.statusCode >= 400 && method !== 'HEAD') {
        const { code, detail } = JSON.parse(answer.body) as { code?: string; detail?: string };
        if (!code?.startsWith('SHOAL_') || !detail) throw new Broken(`no problem: ${answer.body}`);
        throw new Refused(detail);
      }
      return undefined;
    },
    // `inject` stands in for a client, and makes a URL of the target before anything of ours sees it.
    refuses: error => error instanceof Refused || (error as { code?: string }).code === 'ERR_INVALID_URL',
  };
}

/** What a client could put on the wire: `inject` itself refuses the rest. */
function requestOf(bytes: Uint8Array): Request {
  let asked: Partial<Request>;
  try {
    asked = (read('json', bytes) ?? {}) as Partial<Request>;
  } catch {
    asked = { url: Buffer.from(bytes).toString('latin1') };
  }
  const { method, url, type, body, over } = asked;
  return {
    method: METHODS.find(m => m === method) ?? 'POST',
    url: `/${onWire(typeof url === 'string' ? url : JSON.stringify(url ?? '')).replace(/^\/+/, '')}`,
    type: typeof type === 'string' && /^[\x20-\x7e]*$/.test(type) ? type : '',
    body: typeof body === 'string' ? body : JSON.stringify(body ?? ''),
    over: over === 'tcp' ? 'tcp' : 'socket',
  };
}

/** Escapes what no client can send as a target; a wrong escape of its own stays. */
const onWire = (url: string): string =>
  [...Buffer.from(url)]
    .map(byte =>
      byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0')}`,
    )
    .join('');
