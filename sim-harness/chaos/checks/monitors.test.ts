/** Real QEMUs (no guest in them: firmware runs as well), told of by their checkers' monitor. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { overlaps } from './ledger.ts';
import { AT_START, monitoredQemu } from './monitored-qemu.ts';
import { Monitors } from './monitors.ts';
import { startTicksOf } from './proc.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-qmp-'));
const UUID = '8d3d1bd5-6f38-4c8e-9d0a-3a8d64b9b9a1';
const started: ChildProcess[] = [];
process.on('exit', () => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

const test = suite('monitors for checkers');
const places = { runRoot: join(dir, 'run'), ramRoot: join(dir, 'ram') };
const files = join(dir, 'monitors');
mkdirSync(files);
const command = monitoredQemu(join(dir, 'qemu'), files);
const monitors = new Monitors(files, places);
test.after(async () => {
  monitors.close();
  for (const child of started) await killed(child);
});

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 1500; i++) {
    if (holds()) return;
    await sleep(20);
  }
  throw new Error(`not within 30 s: ${what}`);
}

/** A QEMU on that node, as an agent would start it. */
function qemu(node: string, more = ''): number {
  const ram = join(places.ramRoot, node);
  mkdirSync(ram, { recursive: true });
  const memory = `-object memory-backend-file,id=ram,size=16M,mem-path=${ram}/x.ram,share=on -machine memory-backend=ram`;
  const flags = `-name vm -uuid ${UUID} -accel tcg -m 16M ${memory} -nodefaults -display none -no-user-config ${more}`;
  const words = `${flags} -qmp unix:${dir}/${node}.agent,server=on,wait=off`.trim().split(/ +/);
  const child = spawn(command, words, { stdio: 'ignore' });
  started.push(child);
  return child.pid ?? 0;
}

async function agentSays(node: string, command: string, args: object = {}): Promise<void> {
  const socket = connect(join(dir, `${node}.agent`));
  await once(socket, 'connect');
  const said = { execute: command, arguments: args };
  socket.write(`{"execute":"qmp_capabilities"}\n${JSON.stringify(said)}\n`);
  let answer = '';
  for await (const text of socket) {
    answer += String(text);
    if (answer.split('"return"').length > 2) break;
  }
  socket.destroy();
}

/** Another monitor of it answers. */
async function up(node: string): Promise<void> {
  await until('its monitor is there', () => existsSync(join(dir, `${node}.agent`)));
  await agentSays(node, 'query-status');
}

/** It has told that to its checkers: QEMU takes its monitors in turns, in no order that it promises. */
const told = (pid: number, what: string) =>
  until(`it tells of ${what}`, () =>
    readFileSync(join(files, `${pid}-${startTicksOf(pid)}.out`), 'utf8').includes(what),
  );

/** The whole state of the one goes to the other, which stands. */
async function moved(from: string, to: string): Promise<void> {
  const events = { capabilities: [{ capability: 'events', state: true }] };
  const uri = { uri: `unix:${dir}/stream-${from}` };
  await agentSays(to, 'migrate-set-capabilities', events);
  await agentSays(to, 'migrate-incoming', uri);
  await agentSays(from, 'migrate', uri);
}

const hasLoaded = (pid: number) => monitors.notes('vm').some(n => n.pid === pid && n.what === 'loaded');
const last = () => monitors.last('vm');

test('a VM that stops on one node and then runs on another is one VM with one runner', async () => {
  const first = qemu('n0');
  await until('it runs', () => last()?.what === 'beat');
  await agentSays('n0', 'stop');
  await until('it stands', () => last()?.what === 'stand');
  const second = qemu('n1', '-incoming defer -S');
  await up('n1');
  await moved('n0', 'n1');
  await until('it has the state', () => hasLoaded(second));
  await agentSays('n1', 'cont');
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

test('a target that has the whole state is seen to have it, though it never runs', async () => {
  const source = qemu('n2', '-S');
  const target = qemu('n3', '-S -incoming defer');
  await up('n2');
  await up('n3');
  await moved('n2', 'n3');
  await until('it has loaded', () => hasLoaded(target));
  assert.not(
    monitors.notes('vm').some(n => n.pid === source),
    'it never ran either',
  );
  assert.is.not(last()?.pid, target, 'which is no running');
});

test('what a VM did is told though nobody had looked at it before it was killed, and is kept', async () => {
  monitors.close();
  const pid = qemu('n4', '-S');
  await up('n4');
  await agentSays('n4', 'cont');
  await told(pid, 'RESUME');
  await killed(started.at(-1) as ChildProcess);
  const late = new Monitors(files, places);
  late.read();
  const seen = late.notes('vm').filter(n => n.pid === pid);
  assert.equal(
    seen.map(n => n.what),
    ['go'],
  );
  late.read();
  late.close();
  const kept = readdirSync(files).filter(name => name.startsWith(`${pid}-`));
  assert.equal(
    kept.map(name => name.split('.')[1]),
    ['out', 'was'],
  );
});

test('a VM that boots and is killed at once has run', async () => {
  const pid = qemu('n5');
  await up('n5');
  await told(pid, AT_START);
  await killed(started.at(-1) as ChildProcess);
  const late = new Monitors(files, places);
  late.read();
  const seen = late.notes('vm').filter(n => n.pid === pid);
  late.close();
  assert.equal(
    seen.map(n => n.what),
    ['beat'],
  );
});

test.run();
