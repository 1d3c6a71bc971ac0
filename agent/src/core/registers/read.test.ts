import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cordoned, members, membership, modeOf, PAUSE_MAX_MS, pauseLeftMs, REMOVED_VALUE } from './read.ts';
import { register } from './testing.ts';

const configured = [
  { id: 'n1', name: '', addresses: ['/ip4/198.18.0.1/tcp/7420'] },
  { id: 'n2', name: '', addresses: [] },
];
const says = (id: string, value: string) => register(`member/${id}`, value, 1, 'op');

test('the allow-list is the configuration and the registers, less who was removed', () => {
  const list = members(configured, [
    says('n3', '{"name":"three","addresses":["/ip4/198.18.0.3/tcp/7420"]}'),
    says('n2', REMOVED_VALUE),
    register('cordon/n9', 'true', 1, 'n9'),
  ]);
  assert.equal(list, [configured[0], { id: 'n3', name: 'three', addresses: ['/ip4/198.18.0.3/tcp/7420'] }]);
});

test('a register adds its addresses to those of the configuration, and a withdrawn one leaves the configuration', () => {
  const more = says('n1', '{"addresses":["/ip4/198.18.0.1/tcp/7420","/ip4/10.0.0.1/tcp/7420"]}');
  assert.equal(members(configured, [more])[0]?.addresses, [
    '/ip4/198.18.0.1/tcp/7420',
    '/ip4/10.0.0.1/tcp/7420',
  ]);
  assert.equal(members(configured, [says('n1', '')]), configured);
});

test('a member that cannot be read means nothing', () => {
  const bad = [
    'x',
    '[]',
    'null',
    '7',
    '{"name":7}',
    '{"name":"a b"}',
    '{"addresses":"x"}',
    '{"addresses":["nowhere"]}',
    JSON.stringify({ addresses: Array.from({ length: 9 }, () => '/ip4/10.0.0.1/tcp/1') }),
  ];
  for (const value of bad) assert.is(membership(value), undefined, value);
});

test('a pause runs out, a strange one is none, and none is longer than a day', () => {
  assert.is(pauseLeftMs('60000', 0), 60_000);
  assert.is(pauseLeftMs('60000', 59_999), 1);
  assert.is(pauseLeftMs('60000', 60_001), 0);
  assert.is(pauseLeftMs('1e300', 0), PAUSE_MAX_MS);
  for (const value of ['', 'x', '"60000"', '-5', 'null', '{}']) assert.is(pauseLeftMs(value, 0), 0, value);
});

test('a cordon is the word true, a mode one of three', () => {
  assert.equal(['true', 'false', '', '"true"', '1'].map(cordoned), [true, false, false, false, false]);
  assert.equal(['"observe"', '"auto"', '"AUTO"', '', 'auto'].map(modeOf), [
    'observe',
    'auto',
    undefined,
    undefined,
    undefined,
  ]);
});

test.run();
