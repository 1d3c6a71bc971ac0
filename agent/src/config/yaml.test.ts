import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readYaml } from './yaml.ts';

test('what is wrong with a text is told with its line', () => {
  assert.equal(readYaml('a: 1\nb: [1, 2]\n').faults, []);
  const [fault] = readYaml('a: 1\nb: [1\n').faults;
  assert.is(fault?.line, 3, JSON.stringify(fault));
});

const BYTES = 65_536;
for (const unit of ['[', '{', ']', '}', '- ', '? ', ': ', '[{a: ', '- ['])
  test(`a text that is all "${unit}" is refused before anybody goes that deep`, () => {
    const { doc, faults } = readYaml(unit.repeat(BYTES / unit.length));
    assert.equal(faults, [{ what: 'it is nested more than 64 deep', line: 1 }]);
    assert.is(doc.contents, null);
  });

test('levels that are spread over lines count as well', () => {
  const deep = Array.from({ length: 200 }, (_, i) => `${' '.repeat(i)}a:`).join('\n');
  assert.is(readYaml(deep).faults[0]?.line, 130);
  assert.equal(readYaml('- - - [[[{a: {b: c}}]]]').faults, []);
});

test.run();
