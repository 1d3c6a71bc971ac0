/** Real QEMUs (no guest in them: firmware runs as well), told of by their second monitor. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { overlaps } from './ledger.ts';
import { Monitors } from './monitors.ts';
import { startTicksOf, type VmmProcess } from './proc.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-qmp-'));
const started: ChildProcess[] = [];
process.on('exit', () => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

const test = suite('monitors for checkers');
const vmms: VmmProcess[] = [];
const monitors = new Monitors(dir, () => vmms);
test.after(async () => {
  monitors.close();
  for (const child of started) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 1500; i++) {
    if (holds()) return;
    await sleep(20);
  }
  throw new Error(`not within 30 s: ${what}`);
}

/** A QEMU on that node, with the monitor that an agent would have, and the checkers' own. */
function qemu(node: string): number {
  const flags = '-accel tcg -m 16 -nodefaults -display none -no-user-config';
  const sockets = `-qmp unix:${dir}/${node}.agent,server=on,wait=off -qmp unix:${dir}/$$.qmp,server=on,wait=off`;
  const child = spawn('sh', ['-c', `exec qemu-system-x86_64 ${flags} ${sockets}`], { stdio: 'ignore' });
  started.push(child);
  const pid = child.pid ?? 0;
  const place = { vm: 'x', name: 'vm', node, ram: '', memoryMib: 16, incoming: node !== 'n0' };
  vmms.push({ pid, startTicks: startTicksOf(pid), ...place });
  return pid;
}

async function agentSays(node: string, command: string): Promise<void> {
  const socket = connect(join(dir, `${node}.agent`));
  await once(socket, 'connect');
  socket.write(`{"execute":"qmp_capabilities"}\n{"execute":"${command}"}\n`);
  let said = '';
  for await (const text of socket) {
    said += String(text);
    if (said.split('"return"').length > 2) break;
  }
  socket.destroy();
}

const last = () => monitors.last('vm');

test('a VM that stops on one node and then runs on another is one VM with one runner', async () => {
  const first = qemu('n0');
  await until('it runs', () => last()?.what === 'beat');
  await agentSays('n0', 'stop');
  await until('it stands', () => last()?.what === 'stand');
  const second = qemu('n1');
  await until('the other runs', () => last()?.pid === second);
  assert.equal(overlaps(monitors.notes('vm')), []);
  const lives = new Set(monitors.notes('vm').map(n => n.life));
  assert.equal(
    [...lives],
    [`${first}-${startTicksOf(first)}`],
    'a target goes on with the life of its source',
  );
});

test('the first one that runs again beside it is seen', async () => {
  await agentSays('n0', 'cont');
  await until('both run', () => overlaps(monitors.notes('vm')).length > 0);
  assert.match(overlaps(monitors.notes('vm'))[0]?.what ?? '', /vm ran on n. .* and n. .* at once/);
});

test.run();
