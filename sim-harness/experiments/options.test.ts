import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Options, optionsOf } from './options.ts';
import { EXPERIMENTS } from './table.ts';

const read = (...args: string[]) => optionsOf(args, EXPERIMENTS);
const fault = (...args: string[]): string => {
  try {
    read(...args);
    return '';
  } catch (error) {
    const { message, where } = error as { message: string; where: string };
    return `${where}: ${message}`;
  }
};

test('one experiment, all of them, or the report', () => {
  assert.equal((read('staircase') as Options).names, ['staircase']);
  assert.equal(
    (read('all') as Options).names,
    EXPERIMENTS.map(one => one.name),
  );
  assert.is((read('report') as Options).isReport, true);
  assert.is((read('publish') as Options).isPublish, true);
  assert.is((read('bank-scale') as Options).isScale, true);
  assert.is(read('--help'), 'help');
});

test('arms and runs are as given', () => {
  const options = read('staircase', '--engine', 'postcopy,capped', '--runs', '5', '--quick', '--json');
  assert.equal(options, {
    names: ['staircase'],
    isReport: false,
    isPublish: false,
    isScale: false,
    arms: ['postcopy', 'capped'],
    runs: 5,
    isQuick: true,
    isJson: true,
  });
});

test('what is wrong is named, with where', () => {
  assert.match(fault(), 'NAME: no experiment is named');
  assert.match(fault('stairs'), 'there is no experiment stairs');
  assert.match(fault('staircase', 'compile'), 'one name is enough');
  assert.match(fault('staircase', '--engine', 'apart'), '--engine: staircase has no arm apart');
  assert.match(fault('staircase', '--engine', ''), 'an empty word');
  assert.match(fault('staircase', '--runs', '0'), '--runs: 0 is no whole number');
  assert.match(fault('staircase', '--runs', '1e3'), '1e3 is no whole number');
  assert.match(fault('staircase', '--fast'), '--fast');
});

test.run();
