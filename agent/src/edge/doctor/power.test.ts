import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../config/config.ts';
import { sleepCheck, wakeChecks, wolCheck } from './power.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-doctor-power-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));
const config = (power: string) => parseConfig(`{ node: { name: node1 }, power: ${power} }`, 'test');

test('a node that does not sleep is told so, and that is no fault', async () => {
  const { state, found } = await sleepCheck(config('{}'));
  assert.is(state, 'ok');
  assert.match(found, 'does not sleep');
  assert.equal(await wakeChecks(config('{}')), []);
});

test('a machine without an alarm clock does not sleep unless its operator says that somebody is near', async () => {
  const command = 'suspend: { driver: command, command: [/bin/true]';
  const none = join(dir, 'no-clock');
  assert.is((await sleepCheck(config(`{ ${command} } }`), none)).state, 'fail');
  assert.is((await sleepCheck(config(`{ ${command}, alarmHours: 0 } }`), none)).state, 'ok');
  writeFileSync(join(dir, 'clock'), '');
  assert.match(
    (await sleepCheck(config(`{ sleep: auto, ${command} } }`), join(dir, 'clock'))).found,
    'by itself',
  );
});

test('nobody who could be woken is worth a word where nodes sleep by themselves', async () => {
  const [check] = await wakeChecks(config('{ sleep: auto, suspend: { driver: command, command: [x] } }'));
  assert.is(check?.state, 'warn');
});

test('each way to wake another node is tried as far as it can be, and this node’s own is left out', async () => {
  const secret = join(dir, 'secret');
  writeFileSync(secret, 'password', { mode: 0o600 });
  const amt = (node: string) =>
    `{ node: ${node}, ip: 127.0.0.1, ipport: 1, ssl: "off", password_file: ${secret} }`;
  const program = (path: string) => `{ node: node3, method: command, command: [${path}] }`;
  const checks = await wakeChecks(
    config(`{ wake: [${amt('node1')}, ${amt('node2')}, ${program('/bin/true')}, ${program('/no/where')}] }`),
  );
  assert.equal(
    checks.map(c => `${c.name}: ${c.state}`),
    ['wake node2: fail', 'wake node3: ok', 'wake node3: fail'],
  );
  assert.match(checks[0]?.found ?? '', 'ECONNREFUSED');
});

test('a card that a magic packet should wake must be there, and armed', async () => {
  const entry = (mac: string) =>
    config(`{ wake: [{ node: node1, method: wol, mac: "${mac}", ip: 192.0.2.255 }] }`);
  const card = (name: string, mac: string, wakeup: string) => {
    mkdirSync(join(dir, 'net', name, 'device', 'power'), { recursive: true });
    writeFileSync(join(dir, 'net', name, 'address'), `${mac}\n`);
    writeFileSync(join(dir, 'net', name, 'device', 'power', 'wakeup'), `${wakeup}\n`);
  };
  card('eth0', '52:54:00:00:00:01', 'enabled');
  card('eth1', '52:54:00:00:00:02', 'disabled');
  const state = async (mac: string) =>
    (await wolCheck(entry(mac), join(dir, 'net'))).map(c => `${c.state} ${c.todo}`);
  assert.equal(await state('52:54:00:00:00:01'), ['ok ']);
  assert.equal(await state('52:54:00:00:00:02'), ['fail ethtool -s eth1 wol g, at every boot']);
  assert.match((await state('52:54:00:00:00:03'))[0] ?? '', 'fail Mend mac');
  assert.equal(await wolCheck(config('{}'), join(dir, 'net')), []);
});

test.run();
