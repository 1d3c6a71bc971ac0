import type { ShoalError } from '@shoal/agent';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseCommand } from './arguments.ts';
import { PLANTS } from './plants.ts';

const refused = (...args: string[]): ShoalError => {
  try {
    parseCommand(args);
  } catch (error) {
    return error as ShoalError;
  }
  throw new Error(`${args.join(' ')} was taken`);
};

test('without arguments every engine is searched with much memory and time', () => {
  const command = parseCommand([]);
  assert.equal(command.do === 'search' && [command.engines.slice(0, 2), command.quick, command.limits], [
    ['postcopy', 'precopy'],
    false,
    { memoryMb: 3000, seconds: 1200 },
  ]);
});

test('one engine, quickly, within given bounds', () => {
  const command = parseCommand([
    '--engine',
    'precopy',
    '--quick',
    '--memory',
    '500',
    '--seconds',
    '9',
    '--json',
  ]);
  assert.equal(command, {
    do: 'search',
    engines: ['precopy'],
    quick: true,
    limits: { memoryMb: 500, seconds: 9 },
    json: true,
  });
});

test('one planted fault by its name, or all of them', () => {
  const one = parseCommand(['--plant', 'reservation-leaked']);
  assert.equal(one.do === 'plants' && one.plants.map(p => p.name), ['reservation-leaked']);
  const all = parseCommand(['--plants']);
  assert.is(all.do === 'plants' && all.plants.length, PLANTS.length);
});

test('what names nothing, or contradicts itself, is refused with one sentence', () => {
  assert.match(refused('--engine', 'warp').message, 'there is no engine warp');
  assert.match(refused('--plant', 'none').message, 'there is no plant none');
  assert.match(refused('--memory', 'much').message, 'no whole number');
  assert.match(refused('--quick', '--plants').message, 'cannot go together');
  assert.match(refused('--plants', '--engine', 'precopy').message, 'planted into the page server engine');
  for (const args of [
    ['--engine', 'warp'],
    ['--seconds', '0'],
    ['--print', 'warp'],
  ])
    assert.is(refused(...args).code, 'SHOAL_MODEL_ARGS');
});

test.run();
