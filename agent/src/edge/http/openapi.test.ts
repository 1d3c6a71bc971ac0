import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import type { LoadReport } from '@shoal/protocol';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ClusterView } from '../../core/view.ts';
import { ADMIN_CHANGES, ADMIN_READS } from './admin.ts';
import { CHANGES } from './changes.ts';
import { openApi, openApiText } from './openapi.ts';
import { READS } from './reads.ts';
import { aHandoff } from './test-api.ts';
import { type Answer, TestServer } from './test-server.ts';

type Content = Record<string, { schema: object }>;
type Operation = { operationId: string; responses: Record<string, { content?: Content }> };
type Document = {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
};
const document = openApi() as Document;

const server = new TestServer();
test.before(() => server.start());
test.after(() => server.stop());

const ajv = new Ajv2020({ allErrors: true, strict: false });
ajv.addSchema(document, 'api');
const pointer = (...parts: string[]) =>
  parts.map(p => p.replaceAll('~', '~0').replaceAll('/', '~1')).join('/');

/** What the document says against an answer; empty = it says the same. */
function faultsOf(method: string, path: string, { status, type, json, text }: Answer): string {
  const media = type.split(';')[0] as string;
  const response = document.paths[path]?.[method]?.responses[status];
  if (!response) return `${method} ${path}: ${status} is not in the document (${text})`;
  if (!response.content) return text === '' ? '' : `${method} ${path}: a body where none is said`;
  if (!response.content[media]) return `${method} ${path}: ${status} is not said to come as ${media}`;
  if (json === undefined) return '';
  const $ref = `api#/${pointer('paths', path, method, 'responses', String(status), 'content', media, 'schema')}`;
  const valid = ajv.validate({ $ref }, json);
  return valid ? '' : `${method} ${path}: ${ajv.errorsText()}`;
}

/** The golden report of the wire has every field filled. */
const goldenReport = (): LoadReport => {
  const vectors = new URL('../../../../protocol/vectors/load-report.json', import.meta.url);
  return JSON.parse(readFileSync(vectors, 'utf8')).good[0].value;
};

const written = (path: string) => path.replaceAll(':name', '{name}');

test('the document on the disk is the one that is served, on both listeners', async () => {
  const page = readFileSync(new URL('../../../../docs/reference/openapi.json', import.meta.url), 'utf8');
  assert.is(page, openApiText());
  for (const ask of [server.tcp.bind(server), server.local.bind(server)])
    assert.equal((await ask('GET', '/v1/openapi.json')).json, JSON.parse(page));
});

test('every path of the tables is in the document, under an id of its own', () => {
  const tables = [READS, CHANGES, ADMIN_READS, ADMIN_CHANGES].flatMap(table => Object.keys(table));
  const paths = [...tables, '/v1/vms/:name/console'].map(written);
  assert.equal(Object.keys(document.paths).sort(), [...new Set(paths)].sort());
  const ids = Object.values(document.paths).flatMap(p => Object.values(p).map(o => o.operationId));
  assert.is(new Set(ids).size, ids.length);
});

test('every schema is one, and every name in the document leads to one', () => {
  const names = [...openApiText().matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(m => m[1] as string);
  assert.ok(names.length > 50);
  for (const name of Object.keys(document.components.schemas))
    assert.type(ajv.compile({ $ref: `api#/components/schemas/${name}` }), 'function');
  assert.equal(
    names.filter(name => !document.components.schemas[name]),
    [],
  );
});

test('every field of a handoff says what it means, and its unit where it has one', () => {
  type Shape = { type?: string; description?: string; items?: Shape; properties?: Record<string, Shape> };
  const unsaid: string[] = [];
  const walk = ({ properties, items }: Shape, path: string): void => {
    if (items) walk(items, path);
    for (const [name, field] of Object.entries(properties ?? {})) {
      const unit = /(Us|Ms|Bytes)$/.exec(name)?.[1];
      const wanted = { Us: /^µs: /, Ms: /^ms: /, Bytes: /^bytes: / }[unit ?? ''] ?? /./;
      if (!wanted.test(field.description ?? '')) unsaid.push(`${path}.${name}`);
      walk(field, `${path}.${name}`);
    }
  };
  const shape = document.components.schemas.HandoffStatus as Shape;
  walk(shape, 'HandoffStatus');
  assert.equal(unsaid, []);
  assert.match(shape.description ?? '', 'A figure of -1 is not known there');
});

test('what every read answers is what the document says', async () => {
  const report = goldenReport();
  server.api.reportRows = [report];
  const view = new ClusterView({ self: report.node, staleAfterMs: 3000, overloaded: () => false });
  view.merge(report, 0);
  server.api.decisionRows = [
    {
      id: 'd1',
      atMs: 5,
      rule: 'threshold',
      policyHash: '',
      config: { holdMs: 0 },
      viewDigest: '',
      basis: [{ node: 'a', incarnation: 1, seq: 2 }],
      view: view.view(0),
      decision: { moves: [], refusals: [], candidates: [], wake: [], suspend: [] },
      held: [],
      action: 'nothing',
    },
  ];
  for (const path of Object.keys(READS)) {
    const name = path.startsWith('/v1/handoffs') ? aHandoff().handoff : 'vm1';
    const asked = path.replace(':name', name) + (path === '/v1/history' ? '?subject=vm1' : '');
    const answer = await server.tcp('GET', asked);
    assert.is(answer.status, 200, asked);
    assert.is(faultsOf('get', written(path), answer), '');
  }
});

test('what every change answers is what the document says: done, tried dry, refused over TCP', async () => {
  for (const path of Object.keys(CHANGES)) {
    const body = path === '/v1/vms' ? { name: 'vm9' } : path.endsWith('pause') ? { ttlMs: 1000 } : {};
    const asked = path.replace(':name', 'vm1');
    for (const answer of [
      await server.local('POST', asked, JSON.stringify(body)),
      await server.local('POST', `${asked}?dryRun=true`, JSON.stringify(body)),
      await server.local('POST', `${asked}?dryRun=perhaps`, JSON.stringify(body)),
      await server.local('POST', asked, '{', 'application/json'),
      await server.local('POST', asked, 'x', 'text/plain'),
      await server.tcp('POST', asked, '{}'),
    ])
      assert.is(faultsOf('post', written(path), answer), '');
  }
});

test('an answer with a field that is not said, or with one too few, does not pass for what is said', async () => {
  const answer = await server.tcp('GET', '/v1/status');
  const with_ = (json: object) => faultsOf('get', '/v1/status', { ...answer, json });
  assert.match(with_({ ...answer.json, extra: 1 }), 'additional properties');
  assert.match(with_({ ...answer.json, nodes: undefined }), 'required property');
  assert.match(faultsOf('get', '/v1/status', { ...answer, status: 418 }), 'not in the document');
});

test('what is not HTTP is answered as a problem too, and the connection ends', async () => {
  const socket = createConnection(server.socket);
  socket.end('HELO shoal\r\n\r\n');
  let said = '';
  for await (const part of socket.setEncoding('utf8')) said += part;
  const [head, body] = said.split('\r\n\r\n') as [string, string];
  assert.match(head, /^HTTP\/1\.1 400 [\s\S]*application\/problem\+json/);
  assert.is(JSON.parse(body).code, 'SHOAL_HTTP_REQUEST');
});

test('a path that takes other methods names them', async () => {
  for (const [method, path, methods] of [
    ['DELETE', '/v1/status', 'Use GET or HEAD'],
    ['PUT', '/v1/vms', 'Use GET or HEAD or POST'],
    ['GET', '/v1/vms/vm1/actions/stop', 'Use POST'],
    ['TRACE', '/v1/nodes', 'Use GET or HEAD'],
    ['QUERY', '/v1/nodes', 'Use GET or HEAD'],
  ] as const) {
    const { status, json } = await server.local(method, path);
    assert.equal([status, json.todo], [405, methods]);
  }
});

test.run();
