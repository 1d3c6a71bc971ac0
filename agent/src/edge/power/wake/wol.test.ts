import { createSocket } from 'node:dgram';
import type { AddressInfo } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commandWake } from './command.ts';
import { magicPacket, wolWake } from './wol.ts';

test('a magic packet is six times ff and sixteen times the address', () => {
  const packet = magicPacket('52:54:00:0a:0b:0c');
  assert.is(packet.length, 102);
  assert.is(packet.toString('hex'), 'ff'.repeat(6) + '5254000a0b0c'.repeat(16));
});

test('three of them go out', async () => {
  const receiver = createSocket('udp4');
  await new Promise<void>(resolve => receiver.bind(0, '127.0.0.1', resolve));
  const heard: string[] = [];
  receiver.on('message', bytes => heard.push(bytes.toString('hex')));
  const { port } = receiver.address() as AddressInfo;
  await wolWake('node2', '52:54:00:0a:0b:0c', '127.0.0.1', port).wake(
    AbortSignal.timeout(5000),
    () => undefined,
  );
  await new Promise(resolve => setTimeout(resolve, 50));
  receiver.close();
  assert.equal(heard, Array(3).fill(magicPacket('52:54:00:0a:0b:0c').toString('hex')));
});

test('where none can be sent the error says what to look at', async () => {
  const error = await wolWake('node2', '52:54:00:0a:0b:0c', '203.0.113.256')
    .wake(AbortSignal.timeout(5000), () => undefined)
    .catch(e => e);
  assert.is(error.code, 'SHOAL_WAKE_WOL');
  assert.is(error.where, 'node2');
});

test('a program that wakes a node is run, and its fault is told', async () => {
  assert.is(
    await commandWake('node2', ['echo', 'on']).wake(AbortSignal.timeout(5000), () => undefined),
    'echo ended well: on',
  );
  const error = await commandWake('node2', ['sh', '-c', 'echo no route >&2; exit 1'])
    .wake(AbortSignal.timeout(5000), () => undefined)
    .catch(e => e);
  assert.is(error.code, 'SHOAL_WAKE_COMMAND');
  assert.match(error.message, 'ended with 1: no route');
});

test.run();
