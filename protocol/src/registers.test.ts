import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeExchange, encodeRegister } from './codec.ts';
import * as limit from './limits.ts';
import type { ToldRegister } from './messages/register.ts';
import { registerBucket, registerBytes } from './register-bytes.ts';

const golden = JSON.parse(readFileSync(new URL('../vectors/register.json', import.meta.url), 'utf8'))
  .good as {
  value: ToldRegister;
}[];
const [first] = golden.map(g => g.value) as [ToldRegister];

/** Public key of the private key whose bytes are 0 to 31, the author of the golden registers. */
const PUBLIC_KEY = '03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8';

test('the signatures of the golden registers are made over the bytes that the README says', () => {
  const der = Buffer.from(`302a300506032b6570032100${PUBLIC_KEY}`, 'hex');
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  for (const { value } of golden) {
    assert.ok(verify(null, registerBytes(value), key, Buffer.from(value.signature, 'hex')));
  }
});

test('no two registers have the same signed bytes, wherever their text is split', () => {
  const of = (key: string, value: string, author: string, counter: number) =>
    Buffer.from(registerBytes({ key, value, author, counter })).toString('hex');
  const all = [
    of('a/b', 'c', 'd', 1),
    of('a/bc', '', 'd', 1),
    of('a/b', '', 'cd', 1),
    of('a/b', 'c', 'd', 256),
  ];
  assert.is(new Set(all).size, all.length);
});

test('a register at its largest goes out as gossip, and a full page of them into one frame', () => {
  const largest: ToldRegister = {
    ...first,
    key: `k/${'x'.repeat(limit.REGISTER_KEY_BYTES_MAX - 2)}`,
    value: '"'.repeat(limit.REGISTER_VALUE_BYTES_MAX),
    counter: limit.COUNT_MAX,
    ageMs: limit.AGE_MS_MAX,
  };
  assert.ok(encodeRegister(largest).length <= limit.REGISTER_BYTES_MAX);
  const key = (i: number) => `k${String.fromCharCode(97 + i)}${largest.key.slice(1, -1)}`;
  const registers = Array.from({ length: limit.REGISTER_PAGE_MAX }, (_, i) => ({ ...largest, key: key(i) }));
  assert.ok(encodeExchange({ type: 'register-page', registers }).length <= limit.HANDOFF_BYTES_MAX);
});

test('an idle exchange of full digests stays under 2.5 KB', () => {
  const buckets = Array.from({ length: limit.REGISTER_BUCKETS }, () => '0123456789abcdef');
  const digest = encodeExchange({ type: 'register-digest', answer: false, buckets });
  assert.ok(2 * digest.length < 2500, `${digest.length} bytes each`);
});

test('keys spread over all buckets, and each has one bucket', () => {
  const buckets = new Set(Array.from({ length: 2000 }, (_, i) => registerBucket(`cordon/${i}`)));
  assert.is(buckets.size, limit.REGISTER_BUCKETS);
  assert.is(registerBucket('cordon/x'), registerBucket('cordon/x'));
});

test.run();
