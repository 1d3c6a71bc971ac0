import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BENCH_NAMES, BENCHES } from './bench-table.ts';
import { benchReference } from './reference.ts';
import { benchOf, help, helpOf, parse } from './usage.ts';

test('every bench tells each of its options with its meaning and default, and what its exit codes are', () => {
  for (const name of BENCH_NAMES) {
    const text = helpOf(name);
    for (const option of Object.keys(BENCHES[name].options)) assert.ok(text.includes(`--${option}`), option);
    assert.match(text, /exit codes: 0 done/);
    assert.ok(help().includes(`  ${name} `));
    for (const line of text.split('\n')) assert.ok(line.length <= 130, line);
  }
  assert.match(helpOf('write-heavy'), /--link RATE .*\n?.*\n?.*Default: 200mbit/);
});

test('what is not given is what the help says', () => {
  const values = parse('handoff', ['--neighbour', '--memory', '256']);
  assert.equal([values.memory, values.filled, values.neighbour, values.json], ['256', '700', true, false]);
  assert.is(parse('curve', []).svg, undefined);
  assert.throws(() => parse('loopback', ['--link', '1gbit']), /Unknown option '--link'/);
});

test('a bench that there is not is named, with those that there are', () => {
  assert.is(benchOf('curve'), 'curve');
  assert.throws(() => benchOf('curv'), /there is no bench curv/);
  assert.throws(() => benchOf(undefined), /which bench/);
});

test('docs/bench.md is what the tables say', () => {
  const page = readFileSync(new URL('../../docs/bench.md', import.meta.url), 'utf8');
  assert.ok(page === benchReference(), 'print it again: npm run docs');
});

test.run();
