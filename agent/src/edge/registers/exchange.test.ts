import { generateKeyPair } from '@libp2p/crypto/keys';
import { encodeExchange, type Register } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LINES } from '../../core/rate.ts';
import { cordonKey } from '../../core/registers/keys.ts';
import type { Held } from '../../core/registers/table.ts';
import { MemoryDatabase } from '../people/testing.ts';
import { Shelf } from '../store/store.ts';
import { Exchange } from './exchange.ts';
import { Registers } from './registers.ts';
import { createSeal } from './seal.ts';
import { makeOperator } from './test-mesh.ts';

const quiet = () => undefined;

/** A node without a mesh, and what a member with a key of its own makes it take. */
async function node() {
  // Whoever signs: here it is on the list of members, and no operator.
  const rogue = await makeOperator();
  const time = { ms: 0 };
  const clock = { nowMs: () => time.ms, wallMs: () => time.ms, after: () => quiet };
  const lines: object[] = [];
  let taken = 0;
  const log = { debug: quiet, warn: quiet, error: quiet, info: (fields: object) => void lines.push(fields) };
  const registers = new Registers(
    'self',
    { peers: [{ id: rogue.id, addresses: [] }], operators: [] },
    {
      shelf: new Shelf<Held>(new MemoryDatabase(), 'register'),
      seal: createSeal(await generateKeyPair('Ed25519')),
      clock,
      log,
      tell: async () => undefined,
      changed() {
        taken += 1;
      },
      admit: quiet,
    },
  );
  await registers.open();
  const exchange = new Exchange({
    registers,
    peers: () => [],
    send: async () => {},
    blame: quiet,
    clock,
    log,
  });
  let counter = 0;
  const next = (): Register => rogue.sign(cordonKey(rogue.id), String(counter % 2 === 0), ++counter);
  /** So many of its registers are told, each of them new; answers how many were taken. */
  const tells = (count: number): number => {
    const before = taken;
    for (let told = 0; told < count; told++)
      exchange.frame(
        rogue.id,
        encodeExchange({ type: 'register-page', registers: [{ ...next(), ageMs: 0 }] }),
      );
    return taken - before;
  };
  return { exchange, peer: rogue.id, time, lines, tells };
}

test('a member that connects again and again is not listened to more than one that stays', async () => {
  const { exchange, peer, time, tells } = await node();
  assert.is(tells(2100), 2048, 'all that may be kept for sixteen nodes');
  for (let second = 0; second < 5; second++) {
    exchange.down(peer);
    exchange.up(peer);
    assert.is(tells(24), second === 0 ? 0 : 16);
    time.ms += 1000;
  }
  exchange.removed(peer);
  assert.is(tells(24), 24, 'on the list again, with nothing held against it');
});

test('registers of a member are told of in few lines, and those that were not are taken all the same', async () => {
  const { time, lines, tells } = await node();
  assert.is(tells(500), 500);
  assert.is(lines.length, LINES.burst);
  time.ms += 60_000;
  assert.is(tells(100), 100);
  assert.is(lines.length, LINES.burst + Math.min(LINES.burst, 60 * LINES.perSecond));
});

test.run();
