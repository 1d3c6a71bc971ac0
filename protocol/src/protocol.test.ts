/** Holds the document, the registry and the golden messages together. */
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CODECS, type Codec } from './codec.ts';
import type { Fault } from './errors.ts';
import * as limit from './limits.ts';
import { HANDOFF_MESSAGES, MESSAGES, RETIRED } from './registry.ts';
import * as version from './version.ts';

type Vectors = {
  message: string;
  number: number;
  good: { about: string; hex: string; value: unknown }[];
  bad: { about: string; hex: string; fault: Fault }[];
};

const folder = new URL('../vectors/', import.meta.url);
const vectors = (name: string): Vectors =>
  JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as Vectors;
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const section = (heading: string): string => readme.split(`### ${heading}\n`)[1]?.split('\n### ')[0] ?? '';
const isHandoff = (name: string): boolean => HANDOFF_MESSAGES.some(m => m.name === name);
const codecOf = (name: string): Codec<unknown> => {
  const found = CODECS.find(codec => codec.messages.includes(name));
  assert.ok(found, `no codec carries ${name}`);
  return found as Codec<unknown>;
};
const decode = (name: string, hex: string) => codecOf(name).decode(Buffer.from(hex, 'hex'));
const encode = (name: string, value: unknown): string =>
  Buffer.from(codecOf(name).encode(value)).toString('hex');

test('no number is used twice nor after it retired, and 0 means nothing', () => {
  const numbers = [...MESSAGES.map(m => m.number), ...RETIRED];
  assert.is(new Set(numbers).size, numbers.length);
  assert.ok(RETIRED.includes(0));
});

test('every message has golden bytes, and no golden bytes are left of a message that is gone', () => {
  assert.equal(readdirSync(folder).sort(), MESSAGES.map(m => `${m.name}.json`).sort());
});

for (const { name, number, kind } of MESSAGES) {
  test(`${name} is written and read exactly as its golden bytes`, () => {
    const { message, number: inFile, good } = vectors(name);
    assert.equal([message, inFile], [name, number]);
    assert.ok(good.length > 0);
    for (const { about, hex, value } of good) {
      assert.is(encode(name, value), hex, about);
      assert.equal(decode(name, hex), { ok: true, value }, about);
    }
  });

  test(`${name} refuses its bad bytes, each for the reason that is written down`, () => {
    for (const { about, hex, fault } of vectors(name).bad) {
      assert.equal(decode(name, hex), { ok: false, fault }, about);
    }
  });

  test(`${name} has a section in the README that names its fields in the order in which they travel`, () => {
    const text = section(`${name} (${number})`);
    assert.ok(text, `### ${name} (${number})`);
    const rows = [...text.matchAll(/^\| `(\w+)` \|/gm)].map(m => m[1]);
    const shared = isHandoff(name) ? 5 : 0;
    assert.equal(rows, kind.fields.slice(shared));
  });
}

test('every maximum is in the README with its value', () => {
  for (const [name, value] of Object.entries(limit)) {
    assert.ok(readme.includes(`| \`${name}\` | ${value} |`), `| \`${name}\` | ${value} |`);
  }
});

test('the README names the topics and the stream protocols that the code speaks', () => {
  for (const spoken of Object.values(version)) assert.ok(readme.includes(`\`${spoken}\``), spoken);
});

test.run();
