import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clock } from '../clock.ts';
import { startTicks } from './processes.ts';
import { Qmp } from './qmp.ts';
import { QmpVmm } from './vmm.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-qmp-'));
const path = join(dir, 'qmp.sock');
let qemu: ChildProcess;
process.on('exit', () => {
  qemu?.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

test.before(async () => {
  const machine = ['-machine', 'none', '-nodefaults', '-display', 'none', '-S'];
  qemu = spawn('qemu-system-x86_64', [...machine, '-qmp', `unix:${path},server=on,wait=off`], {
    stdio: 'ignore',
  });
  const untilMs = Date.now() + 20_000;
  let first: Qmp | undefined;
  while (!first && Date.now() < untilMs) {
    first = await Qmp.open(path, 5000).catch(() => undefined);
    await sleep(20);
  }
  assert.ok(first, 'QEMU has its monitor');
  first.close();
});

/** Connections that a deaf monitor never takes, until one more is refused: what dead agents leave behind. */
async function fillBacklog(): Promise<Socket[]> {
  const left: Socket[] = [];
  for (;;) {
    const socket = connect(path);
    const refused = await new Promise<string | undefined>(resolve => {
      socket.once('connect', () => resolve(undefined));
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    });
    if (refused) {
      assert.is(refused, 'EAGAIN');
      return left;
    }
    left.push(socket);
    assert.ok(left.length < 100, 'the backlog ends somewhere');
  }
}

test('a QEMU that is deaf and has a full backlog is held on to, and speaks when it hears again', async () => {
  qemu.kill('SIGSTOP');
  const left = await fillBacklog();
  const qmp = await Qmp.attach(path);
  let ended = false;
  qmp.onClose(() => {
    ended = true;
  });
  const silent = await qmp.execute('query-status').then(
    () => undefined,
    error => error.code,
  );
  assert.is(silent, 'SHOAL_VMM_SILENT');
  assert.is(ended, false, 'deaf is not gone');
  for (const socket of left) socket.destroy();
  qemu.kill('SIGCONT');
  let status: unknown;
  for (const untilMs = Date.now() + 10_000; !status && Date.now() < untilMs; await sleep(50))
    status = await qmp.execute('query-status').catch(() => undefined);
  assert.is((status as { running: boolean }).running, false);
  qmp.close();
});

test('what QEMU takes past its main loop is asked so, and refused with its own words', async () => {
  const qmp = await Qmp.open(path, 5000);
  const said = await qmp.executeOutOfBand('migrate-recover', { uri: 'unix:/nowhere' }).then(
    () => '',
    (error: Error) => error.message,
  );
  assert.match(said, 'only be run when postcopy is paused');
  const other = await qmp.executeOutOfBand('query-status').then(
    () => '',
    (error: Error) => error.message,
  );
  assert.match(other, 'does not support OOB');
  qmp.close();
});

test('a monitor that is closed while its VMM lives is opened again, and it is told why', async () => {
  // A monitor that says what is no object, once; the process behind it lives on.
  const where = join(dir, 'once.sock');
  const capabilities = JSON.stringify({ QMP: {} });
  let connections = 0;
  const server = createServer(socket => {
    connections += 1;
    socket.on('error', () => undefined);
    socket.write(`${capabilities}\n`);
    socket.on('data', (data: Buffer) => {
      for (const line of data.toString().trim().split('\n')) {
        const { id, execute } = JSON.parse(line) as { id: number; execute: string };
        if (execute === 'query-status' && connections === 1) socket.write('nan\n');
        else socket.write(`${JSON.stringify({ id, return: { status: 'paused' } })}\n`);
      }
    });
  });
  await new Promise<void>(resolve => server.listen(where, resolve));
  const behind = spawn('sleep', ['60'], { stdio: 'ignore' });
  const pid = behind.pid ?? 0;
  const id = { pid, startTicks: startTicks(pid) ?? '' };
  const vmm = new QmpVmm({ vm: 'vm', driver: 'qemu' }, id, await Qmp.open(where, 5000), clock);
  const reopened = new Promise(resolve => {
    vmm.on(event => event.kind === 'reopened' && resolve(event.why));
  });
  const lost = await vmm.runState().catch(error => error.code);
  assert.is(lost, 'SHOAL_VMM_GONE');
  assert.match((await reopened) as string, 'no JSON: nan');
  assert.is(await vmm.runState(), 'paused');
  const ended = new Promise(resolve => vmm.on(event => event.kind === 'exit' && resolve(true)));
  behind.kill('SIGKILL');
  assert.ok(await ended);
  server.close();
});

test('who listens to a VMM that has ended already is told so', async () => {
  const id = { pid: qemu.pid ?? 0, startTicks: startTicks(qemu.pid ?? 0) ?? '' };
  const vmm = new QmpVmm({ vm: 'vm', driver: 'qemu' }, id, await Qmp.open(path, 5000), clock);
  await vmm.end();
  const late = await new Promise(resolve => vmm.on(event => resolve(event.kind)));
  assert.is(late, 'exit');
});

test('a monitor that says what is no object is left, and the agent lives on', async () => {
  for (const [i, text] of ['null\n', '5\n', '[]\n', 'hello\n'].entries()) {
    const where = join(dir, `mad${i}.sock`);
    const server = createServer(socket => socket.on('error', () => undefined).write(text));
    await new Promise<void>(resolve => server.listen(where, resolve));
    const error = await Qmp.open(where, 5000).then(
      () => undefined,
      (reason: { code?: string }) => reason,
    );
    assert.is(error?.code, 'SHOAL_VMM_GONE', text);
    server.close();
  }
});

test.run();
