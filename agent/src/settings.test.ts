import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from './config/config.ts';
import { Policy } from './settings.ts';

const policy = () => new Policy(parseConfig('', 'test.yaml'));

test('numbers that an operator said hold over those of the configuration, and the hash says so', () => {
  const p = policy();
  const before = { hash: p.hash, numbers: p.numbers };
  assert.ok(p.take('{"overloadPercent":85,"cooldownSeconds":20}'));
  assert.equal([p.config.overloadPermille, p.config.cooldownMs, p.config.idlePermille], [850, 20_000, 300]);
  assert.equal([p.numbers.overloadPermille, p.values.overloadPercent, p.said.length], [850, 85, 2]);
  assert.is.not(p.hash, before.hash);
  assert.is(before.numbers.overloadPermille, 900, 'a decision record of before stays as it was');
  assert.ok(p.take(''));
  assert.equal([p.hash, p.numbers, p.said], [before.hash, before.numbers, []]);
});

test('two nodes with other configurations come to the same rule by the same register', () => {
  const other = new Policy(parseConfig('policy: { overloadPercent: 70 }', 'test.yaml'));
  const p = policy();
  assert.is.not(other.hash, p.hash);
  for (const each of [p, other]) each.take('{"overloadPercent":85}');
  assert.is(other.hash, p.hash);
});

test('numbers with faults are not taken, and what held before goes on holding', () => {
  const p = policy();
  p.take('{"overloadPercent":85}');
  const bad: [string, RegExp][] = [
    ['{"overloadPercent":850}', /overloadPercent/],
    ['{"overload":85}', /overload/],
    ['{"overloadPercent":"85"}', /overloadPercent/],
    ['{"idlePercent":90}', /idle must be below overload/],
    ['{"name":"threshold"}', /named in each configuration/],
    ['[]', /no JSON object/],
  ];
  for (const [value, says] of bad) {
    assert.match(p.faultsOf(value).join(), says, value);
    assert.not.ok(p.take(value));
    assert.is(p.config.overloadPermille, 850);
  }
});

test.run();
