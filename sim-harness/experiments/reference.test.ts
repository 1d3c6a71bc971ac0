import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ARMS } from './frame/arms.ts';
import { armText, experimentsReference } from './reference.ts';
import { EXPERIMENTS } from './table.ts';

test('docs/experiments.md is what the table says', () => {
  const page = readFileSync(new URL('../../docs/experiments.md', import.meta.url), 'utf8');
  assert.is(page, experimentsReference());
});

test('an arm is told by what it does', () => {
  assert.is(armText(ARMS.none), 'All VMs stay on one node; nothing moves.');
  assert.is(
    armText(ARMS['capped-hold8']),
    'Moves by `precopy`, at 32 MiB/s at most (KVM in 2010), once an overload has lasted 8 s.',
  );
});

test('what an experiment claims is of its own arms and figures, and every quick arm is one of its arms', () => {
  for (const { name, arms, figures, claims, quickArms } of EXPERIMENTS) {
    const names = arms.map(arm => arm.name);
    for (const { figure, less, than } of claims) {
      assert.ok(figure in figures, `${name}: ${figure}`);
      for (const arm of than ? [less, than] : [less]) assert.ok(names.includes(arm), `${name}: ${arm}`);
    }
    for (const arm of quickArms) assert.ok(names.includes(arm), `${name}: ${arm}`);
    for (const { paper = {} } of Object.values(figures))
      for (const arm of Object.keys(paper)) assert.ok(names.includes(arm), `${name}: ${arm}`);
  }
});

test.run();
