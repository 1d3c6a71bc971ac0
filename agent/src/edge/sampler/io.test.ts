import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nicBytes, nodeIo, vmIo } from './io.ts';
import { rates } from './rates.ts';

const proc = mkdtempSync(join(tmpdir(), 'shoal-io-'));
test.after(() => rmSync(proc, { recursive: true }));
const sysNet = join(proc, 'sys');
mkdirSync(join(proc, 'net'));
mkdirSync(join(proc, '42'));
writeFileSync(
  join(proc, 'diskstats'),
  ' 8 0 sda 1 0 10 0 1 0 20 0 0 0 0\n 8 1 sda1 1 0 10 0 1 0 20 0 0 0 0\n 7 0 loop0 1 0 10 0 1 0 20 0 0 0 0\n',
);
const dev = (name: string, rx: number, tx: number) => ` ${name}: ${rx} 0 0 0 0 0 0 0 ${tx} 0\n`;
writeFileSync(
  join(proc, 'net', 'dev'),
  `Inter-|\n face |\n${dev('lo', 999, 999)}${dev('eth0', 100, 200)}${dev('br0', 90, 190)}${dev('tap0', 30, 40)}`,
);
for (const path of ['eth0', 'br0/bridge', 'br0/lower_eth0', 'tap0/tun_flags'])
  mkdirSync(join(sysNet, path), { recursive: true });

test('a node counts each disk once, and each byte once though it crossed a bridge and a tap', () => {
  assert.equal(nodeIo(nicBytes(proc), proc, sysNet), {
    diskRead: 5120,
    diskWrite: 10_240,
    netRx: 100,
    netTx: 200,
  });
});

test('devices that /sys does not know, being that of another namespace, count', () => {
  assert.is(nodeIo(nicBytes(proc), proc, '/nowhere').netRx, 100 + 90 + 30);
});

test('what goes out of a VM’s tap is what comes in to its guest', () => {
  writeFileSync(join(proc, '42', 'io'), 'rchar: 1\nread_bytes: 4096\nwrite_bytes: 8192\n');
  assert.equal(vmIo(42, ['tap0'], nicBytes(proc), proc), {
    diskRead: 4096,
    diskWrite: 8192,
    netRx: 40,
    netTx: 30,
  });
});

test('a counter that is not there is unknown, and its return is no burst', () => {
  const known = { diskRead: 5e9, diskWrite: 5e9, netRx: 5e9, netTx: 5e9 };
  const gone = vmIo(43, ['tap9'], nicBytes(proc), proc);
  assert.ok(Object.values(gone).every(Number.isNaN));
  const still = { diskReadBps: 0, diskWriteBps: 0, netRxBps: 0, netTxBps: 0 };
  assert.equal(rates(known, gone, 1000), still);
  assert.equal(rates(gone, known, 1000), still);
});

test('rates are bytes over the time between two readings; a counter that fell gives none', () => {
  const before = { diskRead: 0, diskWrite: 100, netRx: 0, netTx: 0 };
  const after = { diskRead: 3000, diskWrite: 0, netRx: 0, netTx: 1 };
  assert.equal(rates(before, after, 2000), {
    diskReadBps: 1500,
    diskWriteBps: 0,
    netRxBps: 0,
    netTxBps: 0.5,
  });
});

test.run();
