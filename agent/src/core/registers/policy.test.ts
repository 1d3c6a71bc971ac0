import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { policyNumbers } from './policy.ts';

test('numbers are read as they were written, and a withdrawn register has none', () => {
  assert.equal(policyNumbers('{"overloadPercent":85,"cooldownScope":"node"}'), {
    overloadPercent: 85,
    cooldownScope: 'node',
  });
  assert.equal(policyNumbers(''), {});
});

test('what is no list of numbers and words is not read', () => {
  const many = JSON.stringify(Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, 1])));
  for (const value of ['x', '[]', 'null', '7', '{"a":{}}', '{"a":null}', '{"a":true}', many])
    assert.is(policyNumbers(value), undefined, value);
});

test.run();
