import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Check } from '../edge/doctor/check.ts';
import { TestServer } from '../edge/http/test-server.ts';
import { cliReference } from './reference.ts';
import { shoal } from './test-terminal.ts';

const server = new TestServer();
const dir = mkdtempSync(join(tmpdir(), 'shoal-doctor-'));
test.before(() => server.start());
test.after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true });
});

function config(text: string): string {
  const file = join(dir, 'shoal.yaml');
  writeFileSync(file, text);
  return file;
}
const quick = `node: { runDir: ${dir} }\nvms: { accel: tcg }\nmesh: { listen: [/ip4/127.0.0.1/tcp/0] }\n`;

async function checks(...args: string[]): Promise<{ code: number; checks: Check[] }> {
  const { code, out } = await shoal(['doctor', '--json', ...args]);
  return { code, checks: JSON.parse(out).checks };
}
const names = [
  'configuration',
  'node.js',
  'kernel',
  'qemu',
  'kvm',
  'native parts',
  'VM user',
  'userfaultfd',
  'page recovery',
  'huge pages',
  'guest memory',
  'cgroup',
  'clock',
  'mesh port',
  'agent',
  'peers',
  'running VMs',
  'sleep',
  'post-copy',
  'warm',
  'qemu-postcopy',
];

test('the doctor looks at everything without an agent, and says what to do where it is not well', async () => {
  const file = config(`${quick}control: { socket: ${dir}/none.sock }\n`);
  const found = await checks('--config', file);
  assert.equal(
    found.checks.map(c => c.name),
    names,
  );
  const row = (name: string) => found.checks.find(c => c.name === name)!;
  assert.equal(row('configuration'), { name: 'configuration', state: 'ok', found: file, todo: '' });
  assert.is(row('agent').found, `no agent answers: there is no such socket (${dir}/none.sock)`);
  assert.is(row('agent').state, 'warn');
  for (const { state, todo, name } of found.checks) assert.is(todo === '', state === 'ok', name);
  assert.is(found.code, found.checks.some(c => c.state === 'fail') ? 1 : 0);
});

test('the agent named in the configuration is asked', async () => {
  const file = config(`${quick}control: { socket: ${server.socket} }\n`);
  const { out } = await shoal(['doctor', '--config', file]);
  assert.match(out, /^ok {4}agent +node0, version 0\.1\.0, mode auto, 2 of 2 nodes awake$/m);
  assert.match(out, /^\d+ ok, \d+ to look at, \d+ failed$/m);
});

test('every fault of a configuration is a row, and the other checks go on', async () => {
  const file = config('mode: later\nmemory: { ramDIR: /x }\nvms: { accel: tcg }\n');
  const { code, checks: found } = await checks('--config', file, '--socket', server.socket);
  const faults = found.filter(c => c.name === 'configuration');
  assert.is(code, 1);
  assert.equal(
    faults.map(c => c.state),
    ['fail', 'fail'],
  );
  assert.match(faults[0]!.found, `${file}:1: mode: `);
  assert.is(found.at(-1)!.name, 'qemu-postcopy');
  const none = await checks('--config', join(dir, 'none.yaml'), '--socket', server.socket);
  assert.equal([none.code, none.checks[0]!.state], [1, 'fail']);
});

test('the doctor is for this machine, not for another', async () => {
  const { code, note } = await shoal(['--node', server.url, 'doctor']);
  assert.is(code, 2);
  assert.match(
    note,
    'shoal: doctor looks at the machine that it runs on (--node). Run it there, without --node',
  );
});

test('docs/reference/cli.md is what the commands say', () => {
  const page = readFileSync(new URL('../../../docs/reference/cli.md', import.meta.url), 'utf8');
  assert.is(page, cliReference());
});

test.run();
