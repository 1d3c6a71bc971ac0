import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from './config.ts';

const faults = (text: string): string[] => {
  try {
    parseConfig(text, 'a file');
    return [];
  } catch (error) {
    return (error as { faults: { path: string }[] }).faults.map(one => one.path);
  }
};

test('a node sleeps by itself only where something can suspend it', () => {
  assert.equal(faults('power: { sleep: auto }'), ['power.sleep']);
  assert.equal(faults('power: { sleep: auto, suspend: { driver: systemd } }'), []);
  assert.equal(faults('power: { suspend: { driver: command } }'), ['power.suspend.command']);
  assert.equal(faults('power: { suspend: { driver: simulated } }'), []);
});

test('an AMT without an address, a secret or a pin is told at the start, all of it at once', () => {
  assert.equal(faults('power: { wake: [{ node: node2 }] }'), [
    ...['power.wake.0.ip', 'power.wake.0.password_file', 'power.wake.0.ssl_fingerprint'],
  ]);
  const whole = 'node: node2, ip: 192.0.2.1, password_file: /etc/shoal/amt';
  assert.equal(faults(`power: { wake: [{ ${whole}, ssl: "off" }] }`), []);
  assert.equal(faults(`power: { wake: [{ ${whole}, ssl_ca: /etc/shoal/ca.pem }] }`), []);
  assert.equal(faults(`power: { wake: [{ ${whole}, ssl: "off", password_script: /bin/x }] }`), [
    'power.wake.0.password_file',
  ]);
});

test('a magic packet needs an address to go to and one to name, a program a name', () => {
  assert.equal(faults('power: { wake: [{ node: a, method: wol }, { node: a, method: command }] }'), [
    ...['power.wake.0.mac', 'power.wake.0.ip', 'power.wake.1.command'],
  ]);
});

test('a wake is told of before it has failed', () => {
  assert.equal(faults('power: { wakeLateSeconds: 60 }'), ['power.wakeLateSeconds']);
});

test.run();
