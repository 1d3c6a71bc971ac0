/** Users against a real HTTP server on loopback, in time that goes fifty times as fast. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Clock, clock } from '@shoal/agent/edge/clock';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Client, type ClientSpec } from './client.ts';
import type { Step } from './plan.ts';
import { type Response, verdictOf } from './scores.ts';

const SPEED = 50;
const fast: Clock = {
  nowMs: () => clock.nowMs() * SPEED,
  wallMs: clock.wallMs,
  after: (ms, run) => clock.after(ms / SPEED, run),
};

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
const answer: Handler = (request, response) => {
  request.resume();
  if (request.url?.startsWith('/bank/login')) response.setHeader('set-cookie', 'bank=me; path=/');
  response.end('page');
};

async function played(handler: Handler, steps: Step[], untilMs: number, more: Partial<ClientSpec> = {}) {
  const sockets = new Set<Socket>();
  let most = 0;
  const server = createServer(handler);
  server.on('connection', socket => {
    sockets.add(socket.on('close', () => sockets.delete(socket)));
    most = Math.max(most, sockets.size);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const responses: Response[] = [];
  const plan = { seed: 1, beginMs: 0, untilMs, vms: [{ vm: 'vm0', steps }] };
  const origins = { vm0: `http://127.0.0.1:${port}` };
  const client = new Client({ plan, origins, cost: 7, zeroMs: fast.nowMs(), ...more }, fast, r =>
    responses.push(r),
  );
  try {
    await client.run();
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
  return { responses, most, lag: client.lag };
}

test('as many users as the plan says are at the bank, each with one connection, and their answers are counted once', async () => {
  let served = 0;
  const count: Handler = (request, response) => {
    served++;
    answer(request, response);
  };
  const { responses, most, lag } = await played(count, [{ atMs: 0, sessions: 20 }], 60_000);
  assert.is(responses.length, served);
  assert.ok(most >= 20 && most <= 30, `${most} connections at most`);
  // 20 users at the beginning; in the long run each asks for 0.16 pages a second.
  assert.ok(responses.length > 150 && responses.length < 250, `${responses.length} responses`);
  const logins = responses.filter(r => r.page === 'login' && r.atMs > 50_000).length;
  assert.ok(logins < 20, `${logins} logins at the end: who still thinks then is not followed by another one`);
  assert.ok(
    responses.every(r => verdictOf(r) === 'good' && r.vm === 'vm0' && r.atMs >= 0 && r.atMs < 60_000),
  );
  assert.ok(lag.maxMs > 0 && lag.meanMs <= lag.maxMs, 'how late its timers were is known');
});

test('users show what they were given at login, post what is posted, and name the account and what a page costs', async () => {
  const wrong: string[] = [];
  const strict: Handler = (request, response) => {
    const { method, url = '', headers } = request;
    const page = /^\/bank\/(\w+)\?user=\d+&cost=7$/.exec(url)?.[1];
    const isPicture = /^\/checks\/\d+-(front|back)$/.test(url);
    if (!page && !isPicture) wrong.push(url);
    if (page !== 'login' && headers.cookie !== 'bank=me') wrong.push(`${url}: ${headers.cookie}`);
    const isPosted = page && /^(login|quick_pay|change_|place_|post_)/.test(page);
    if (method !== (isPosted ? 'POST' : 'GET')) wrong.push(`${method} ${url}`);
    answer(request, response);
  };
  const { responses } = await played(strict, [{ atMs: 0, sessions: 30 }], 60_000);
  assert.equal(wrong, []);
  assert.ok(new Set(responses.map(r => r.page)).size > 10);
});

test('users come as the plan raises their number, and when it falls those who leave are not followed', async () => {
  const steps = [
    { atMs: 0, sessions: 5 },
    { atMs: 20_000, sessions: 25 },
    { atMs: 40_000, sessions: 0 },
  ];
  const { responses } = await played(answer, steps, 120_000);
  const logins = (fromMs: number, toMs: number) =>
    responses.filter(r => r.page === 'login' && r.atMs >= fromMs && r.atMs < toMs).length;
  assert.is(logins(0, 500), 5);
  assert.ok(logins(20_000, 21_000) >= 20, 'they log in together');
  assert.is(logins(41_000, 120_000), 0);
});

test('an answer that comes late is as late as the user waited, and one that never comes has failed by the deadline', async () => {
  const slow: Handler = (request, response) => void setTimeout(() => answer(request, response), 3000 / SPEED);
  const late = (await played(slow, [{ atMs: 0, sessions: 3 }], 1000)).responses;
  assert.is(late.length, 3, 'who asked before the end is waited for');
  assert.ok(late.every(r => r.ms >= 3000 && r.status === 200));
  const never = (await played(() => undefined, [{ atMs: 0, sessions: 3 }], 1000, { deadlineMs: 5000 }))
    .responses;
  assert.is(never.length, 3);
  for (const r of never) {
    assert.ok(r.ms >= 5000 && r.ms < 9000, String(r.ms));
    assert.equal([r.status, r.error, verdictOf(r)], [0, 'no answer in 5000 ms', 'failed']);
  }
});

test('a half answer, a cut connection and an error of the server have failed, and the user goes away', async () => {
  const half: Handler = (_, response) => {
    response.setHeader('content-length', 100);
    response.write('half');
    setTimeout(() => response.destroy(), 5);
  };
  const cut: Handler = request => void request.socket.destroy();
  const broken: Handler = (request, response) => {
    response.statusCode = 502;
    answer(request, response);
  };
  for (const [handler, status] of [
    [half, 0],
    [cut, 0],
    [broken, 502],
  ] as const) {
    const { responses } = await played(handler, [{ atMs: 0, sessions: 10 }], 20_000);
    assert.ok(
      responses.length >= 10 && responses.length < 60,
      `${responses.length}: a bank that is shut is not stormed`,
    );
    assert.ok(responses.every(r => r.page === 'login' && r.status === status && verdictOf(r) === 'failed'));
  }
});

test.run();
