import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ShoalError } from '../../errors.ts';
import { CHANGES } from './changes.ts';
import { READS } from './reads.ts';
import { httpReference } from './reference.ts';
import { TestServer } from './test-server.ts';

const server = new TestServer();
test.before(() => server.start());
test.after(() => server.stop());
test.before.each(() => {
  server.api.asked.length = 0;
  server.api.failWith = undefined;
});

test('both listeners answer every read alike', async () => {
  const { handoff } = server.api.handoffRows[0]!;
  for (const path of Object.keys(READS).filter(p => p !== '/metrics')) {
    const name = path.startsWith('/v1/handoffs') ? handoff : 'vm1';
    const asked = path.replace(':name', name) + (path === '/v1/history' ? '?subject=vm1&sinceMs=5' : '');
    const [tcp, local] = await Promise.all([server.tcp('GET', asked), server.local('GET', asked)]);
    assert.is(tcp.status, 200, `${asked}: ${tcp.text}`);
    assert.equal(tcp.json, local.json);
  }
});

test('any node shows the whole cluster, one VM, one handoff', async () => {
  assert.equal((await server.tcp('GET', '/v1/status')).json, JSON.parse(JSON.stringify(server.api.cluster)));
  assert.is((await server.tcp('GET', `/v1/vms/${server.api.cluster.vms[0]!.vm}`)).json.name, 'vm1');
  assert.is((await server.tcp('GET', '/v1/history?subject=vm1&sinceMs=5')).json[2].atMs, 2005);
});

test('changes over TCP are refused with one sentence, whatever their body, and nothing is asked of the agent', async () => {
  for (const path of Object.keys(CHANGES)) {
    const { status, type, json } = await server.tcp('POST', path.replace(':name', 'vm1'), '{not json');
    assert.is(status, 403, path);
    assert.match(type, 'application/problem+json');
    assert.is(json.code, 'SHOAL_HTTP_NEEDS_SOCKET');
    assert.match(json.todo, 'unix socket');
  }
  for (const path of ['/v1/vms/vm1/console', '/v1/tokens', '/v1/audit'])
    for (const method of ['GET', 'HEAD']) assert.is((await server.tcp(method, path)).status, 403, path);
  assert.equal(server.api.asked, []);
});

test('limits of a move that must be meant in another unit are refused with the unit and what to write', async () => {
  const migrate = (wish: object) => server.local('POST', '/v1/vms/vm1/actions/migrate', JSON.stringify(wish));
  for (const [wish, detail, todo] of [
    [{ bulkBytesPerSecond: 100 }, 'a cap of 100 bytes a second', '100 MiB/s is 104857600'],
    [{ bulkBytesPerSecond: 8191 }, 'a cap of 8191 bytes a second', '8192 bytes a second or more'],
    [{ bulkWindowBytes: 1 }, '1 bytes is not whole pages', 'Give 0, so that it adapts'],
    [{ bulkWindowBytes: 65_537 }, '65537 bytes is not whole pages', 'a multiple of 4096'],
  ] as const) {
    const { status, json } = await migrate(wish);
    assert.equal(
      [status, json.code, json.where],
      [400, 'SHOAL_HTTP_REQUEST', `body.${Object.keys(wish)[0]}`],
    );
    assert.match(json.detail, detail);
    assert.match(json.todo, todo);
  }
  assert.equal(server.api.asked, []);
  for (const wish of [{ bulkBytesPerSecond: 0 }, { bulkBytesPerSecond: 8192 }, { bulkWindowBytes: 4096 }])
    assert.is((await migrate(wish)).status, 202);
});

test('every change reaches the agent over the unix socket', async () => {
  const post = (path: string, body?: object) => server.local('POST', path, body && JSON.stringify(body));
  assert.is((await post('/v1/vms', { name: 'vm9' })).status, 201);
  const moved = await post('/v1/vms/vm1/actions/migrate', { node: 'node0', engine: 'precopy' });
  assert.equal(
    [moved.status, moved.json],
    [
      202,
      { handoff: server.api.handoffRows[0]!.handoff, source: 'node0', node: 'node0', pinnedMs: 3_600_000 },
    ],
  );
  for (const action of ['start', 'stop', 'destroy', 'cancel', 'unpin', 'migrate']) {
    assert.ok((await post(`/v1/vms/vm1/actions/${action}`)).status < 300, action);
  }
  for (const action of ['cordon', 'uncordon'])
    assert.is((await post(`/v1/node/actions/${action}`)).status, 204);
  assert.is((await post('/v1/mesh/actions/pause', { ttlMs: 60_000 })).status, 204);
  assert.is((await post('/v1/mesh/actions/resume', {})).status, 204);
  assert.equal(server.api.asked, [
    ['run', { name: 'vm9' }],
    ['migrate', 'vm1', 'node0', 'precopy'],
    ...['start', 'stop', 'destroy', 'cancel', 'unpin'].map(action => [action, 'vm1']),
    ['migrate', 'vm1', undefined, undefined],
    ['cordon', true],
    ['cordon', false],
    ['pause', 60_000],
    ['resume'],
  ]);
});

/** Where a change asks for more than `{}`. */
const BODIES: Record<string, object> = {
  '/v1/vms': { name: 'vm9' },
  '/v1/mesh/actions/pause': { ttlMs: 1000 },
  '/v1/node/actions/mode': { mode: 'observe' },
  '/v1/vms/:name/actions/resolve': { word: 'peer-is-off' },
  '/v1/registers': {
    key: 'member/x',
    value: '',
    counter: 1,
    author: 'x'.repeat(52),
    signature: '0'.repeat(128),
  },
};

test('every change can be tried dry: it says what it would do, and the agent is told to do nothing', async () => {
  for (const path of Object.keys(CHANGES)) {
    const body = BODIES[path] ?? {};
    const asked = `${path.replace(':name', 'vm1')}?dryRun=true`;
    const { status, json } = await server.local('POST', asked, JSON.stringify(body));
    assert.equal([status, Object.keys(json)], [200, ['would']], path);
  }
  assert.ok(server.api.asked.every(what => (what as unknown[]).at(-1) === 'dry'));
  assert.is(server.api.asked.length, Object.keys(CHANGES).length);
});

test('a spec may be YAML', async () => {
  const { status } = await server.local('POST', '/v1/vms', 'name: vm9\nmemoryMib: 64\n', 'application/yaml');
  assert.is(status, 201);
  assert.equal(server.api.asked, [['run', { name: 'vm9', memoryMib: 64 }]]);
});

const BOMB = `a: &a [${'x,'.repeat(99)}x]\nb: &b [${'*a,'.repeat(99)}*a]\nc: [${'*b,'.repeat(99)}*b]\n`;
const migrate = '/v1/vms/vm1/actions/migrate';
const BAD: [string, string, string, string | undefined, string, number, string][] = [
  ['JSON that is none', 'POST', '/v1/vms', '{', 'application/json', 400, 'SHOAL_HTTP_BODY'],
  [
    'a key that reaches prototypes',
    'POST',
    '/v1/vms',
    '{"__proto__":1}',
    'application/json',
    400,
    'SHOAL_HTTP_BODY',
  ],
  ['no body', 'POST', '/v1/vms', undefined, '', 400, 'SHOAL_HTTP_BODY'],
  ['YAML that is none', 'POST', '/v1/vms', 'a: [', 'application/yaml', 400, 'SHOAL_HTTP_BODY'],
  ['YAML that holds itself', 'POST', '/v1/vms', 'a: &a [*a]', 'application/yaml', 400, 'SHOAL_HTTP_BODY'],
  ['YAML that explodes', 'POST', '/v1/vms', BOMB, 'application/yaml', 400, 'SHOAL_HTTP_BODY'],
  [
    'too much',
    'POST',
    '/v1/vms',
    `"${'x'.repeat(70_000)}"`,
    'application/json',
    413,
    'SHOAL_HTTP_BODY_TOO_LARGE',
  ],
  ['another type', 'POST', '/v1/vms', '<a/>', 'text/xml', 415, 'SHOAL_HTTP_MEDIA_TYPE'],
  [
    'an engine that is none',
    'POST',
    migrate,
    '{"engine":"warp"}',
    'application/json',
    400,
    'SHOAL_HTTP_REQUEST',
  ],
  ['an unknown field', 'POST', migrate, '{"nod":"node0"}', 'application/json', 400, 'SHOAL_HTTP_REQUEST'],
  ['a number as a node', 'POST', migrate, '{"node":1}', 'application/json', 400, 'SHOAL_HTTP_REQUEST'],
  [
    'a pause without time',
    'POST',
    '/v1/mesh/actions/pause',
    '{}',
    'application/json',
    400,
    'SHOAL_HTTP_REQUEST',
  ],
  ['a limit that is none', 'GET', '/v1/decisions?limit=0', undefined, '', 400, 'SHOAL_HTTP_REQUEST'],
  [
    'a dry run that is none',
    'POST',
    `${migrate}?dryRun=1`,
    '{}',
    'application/json',
    400,
    'SHOAL_HTTP_REQUEST',
  ],
  ['a misspelt dry run', 'POST', `${migrate}?dry=true`, '{}', 'application/json', 400, 'SHOAL_HTTP_REQUEST'],
  ['an unknown parameter', 'GET', '/v1/vms?node=a', undefined, '', 400, 'SHOAL_HTTP_REQUEST'],
  ['history of nothing', 'GET', '/v1/history', undefined, '', 400, 'SHOAL_HTTP_REQUEST'],
  ['an unknown VM', 'POST', '/v1/vms/vm7/actions/stop', '{}', 'application/json', 404, 'SHOAL_VM_UNKNOWN'],
  ['an unknown VM to look at', 'GET', '/v1/vms/vm7', undefined, '', 404, 'SHOAL_VM_UNKNOWN'],
  ['an unknown handoff', 'GET', '/v1/handoffs/none', undefined, '', 404, 'SHOAL_HANDOFF_UNKNOWN'],
  ['an unknown path', 'GET', '/v2/status', undefined, '', 404, 'SHOAL_HTTP_NOT_FOUND'],
  ['a method that is not there', 'DELETE', '/v1/vms/vm1', undefined, '', 405, 'SHOAL_HTTP_METHOD'],
  ['a path that cannot be decoded', 'GET', '/v1/vms/%zz', undefined, '', 400, 'SHOAL_HTTP_REQUEST'],
  ['a name that is none', 'GET', '/v1/vms/%00', undefined, '', 400, 'SHOAL_HTTP_REQUEST'],
  ['a name without end', 'GET', `/v1/vms/${'x'.repeat(500)}`, undefined, '', 400, 'SHOAL_HTTP_REQUEST'],
  ['plain text as a body', 'POST', migrate, 'node0', 'text/plain', 415, 'SHOAL_HTTP_MEDIA_TYPE'],
];
for (const [what, method, path, body, type, status, code] of BAD) {
  test(`refused, with nothing done: ${what}`, async () => {
    const answer = await server.local(method, path, body, type);
    assert.is(answer.status, status, answer.text);
    assert.match(answer.type, 'application/problem+json');
    const members = ['code', 'detail', 'status', 'title', 'todo', 'type', 'where'];
    assert.equal(Object.keys(answer.json).sort(), members);
    assert.is(answer.json.code, code);
    assert.equal(server.api.asked, []);
  });
}

test('a refusal of the agent keeps its words; a fault inside is told to the log alone', async () => {
  server.api.failWith = new ShoalError('SHOAL_NODE_FULL', 'it needs 64 MiB', 'node1', 'Choose another');
  const refused = (await server.local('POST', migrate, '{}')).json;
  assert.equal(
    [refused.status, refused.detail, refused.where, refused.todo],
    [409, 'it needs 64 MiB', 'node1', 'Choose another'],
  );
  server.api.failWith = new Error('secret of the house');
  const inside = await server.local('POST', migrate, '{}');
  assert.equal([inside.status, inside.json.code], [500, 'SHOAL_INTERNAL']);
  assert.is(inside.text.includes('secret'), false);
  assert.match(JSON.stringify(server.logged), 'secret of the house');
});

test('a sick agent says so', async () => {
  server.api.faults = ['the store is full'];
  const { status, json } = await server.tcp('GET', '/healthz');
  server.api.faults = [];
  assert.equal([status, json], [503, { ok: false, faults: ['the store is full'] }]);
});

test('metrics count what was answered where', async () => {
  const { type, text } = await server.tcp('GET', '/metrics');
  assert.match(type, 'text/plain');
  assert.match(text, /shoal_http_requests_total\{listener="tcp",status="403"\} \d+/);
});

test('docs/reference/http.md is what the routes say', () => {
  const page = readFileSync(new URL('../../../../docs/reference/http.md', import.meta.url), 'utf8');
  assert.is(page, httpReference());
});

test('a body that says null is no empty one', async () => {
  for (const [body, type] of [
    ['null', 'application/json'],
    ['null\n', 'application/yaml'],
  ]) {
    const answer = await server.local('POST', '/v1/node/actions/cordon', body, type);
    assert.equal([answer.status, answer.json.code], [400, 'SHOAL_HTTP_REQUEST'], type);
  }
  assert.is((await server.local('POST', '/v1/node/actions/cordon')).status, 204);
});

test.run();
