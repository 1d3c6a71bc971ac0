import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { reportOf } from './client-report.ts';
import { startClient } from './start-client.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-bank-'));
let served = 0;
const server = createServer((request, response) => {
  served++;
  request.resume();
  response.setHeader('set-cookie', 'bank=me').end('page');
});
const test = suite('the process of the client');
test.before(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
test.after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(dir, { recursive: true });
});

const spec = (untilMs: number) => ({
  plan: { seed: 3, beginMs: 0, untilMs, vms: [{ vm: 'vm0', steps: [{ atMs: 0, sessions: 12 }] }] },
  origins: { vm0: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
  cost: 1,
});

test('a client in a process of its own tells each response, what CPU time it took, and how late it was', async () => {
  const running = startClient('', spec(3000), join(dir, 'lines'));
  const { responses, cpuMs, lag } = await running.done;
  assert.ok(running.pid > 0);
  assert.is(responses.length, served);
  assert.ok(responses.length >= 12 && responses.every(r => r.status === 200));
  assert.ok(cpuMs > 0 && cpuMs < 20_000 && lag.maxMs >= 0);
});

test('a client that is ended before its time is an error, not a short list of responses', async () => {
  const running = startClient('', spec(600_000), join(dir, 'ended'));
  running.stop();
  const error = await running.done.then(
    () => undefined,
    (failed: { code: string }) => failed,
  );
  assert.is(error?.code, 'SHOAL_EXPERIMENT_CLIENT');
  const line = JSON.stringify({ atMs: 0, vm: 'vm0', page: 'login', ms: 1, status: 200 });
  assert.throws(() => reportOf(`${line}\n`, 'x'), /ended after 1 responses/);
});

test.run();
