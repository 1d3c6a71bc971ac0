import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { POWER, POWER_STATES, type PowerEvent, type PowerState, powerStep } from './table.ts';
import { powerTablePage } from './table-page.ts';

const after = (...events: PowerEvent[]): { state: PowerState; effects: string[] } => {
  let state: PowerState = 'awake';
  const effects: string[] = [];
  for (const event of events) {
    const stepped = powerStep(state, event);
    state = stepped.state;
    effects.push(...stepped.effects);
  }
  return { state, effects };
};

test('every cell is decided', () => {
  const events = Object.keys(POWER.awake);
  for (const state of POWER_STATES) {
    assert.equal(Object.keys(POWER[state]).sort(), [...events].sort(), state);
    for (const [event, cell] of Object.entries(POWER[state]))
      assert.ok(
        cell === 'ignore' || POWER_STATES.includes((cell as { to: PowerState }).to),
        `${state} ${event}`,
      );
  }
});

test('a node sleeps only after it was empty and every member agreed', () => {
  const suspends = (...events: PowerEvent[]) => after(...events).effects.includes('suspend');
  assert.ok(suspends('wanted', 'empty', 'agreed'));
  const events = Object.keys(POWER.awake) as PowerEvent[];
  for (const first of events)
    for (const second of events) {
      const isWhole = first === 'wanted' && second === 'empty';
      assert.is(suspends(first, second, 'agreed'), isWhole, `${first}, ${second}`);
    }
});

test('whoever is needed, or denied, before it sleeps is open again, and its entry is taken back', () => {
  for (const event of ['needed', 'denied'] as const) {
    const { state, effects } = after('wanted', 'empty', event);
    assert.is(state, 'awake');
    assert.ok(effects.includes('withdraw') && effects.includes('open'), event);
  }
  assert.equal(after('wanted', 'needed').effects, ['close', 'open', 'rest']);
});

test('a driver that does not suspend leaves a node that is awake for everybody', () => {
  const { state, effects } = after('wanted', 'empty', 'agreed', 'not-suspended');
  assert.is(state, 'awake');
  assert.equal(effects.slice(-3), ['withdraw', 'open', 'rest']);
});

test('who has slept begins a new life, whoever sent the machine to sleep and whatever was under way', () => {
  for (const before of [[], ['wanted'], ['wanted', 'empty'], ['wanted', 'empty', 'agreed']] as PowerEvent[][])
    assert.is(after(...before, 'slept').effects.at(-1), 'end-life');
});

test('only what a node says itself makes it awake: no method of waking it does', () => {
  for (const state of ['asleep', 'waking', 'slow', 'wake-failed', 'unwakeable'] as PowerState[]) {
    const wakes = (Object.keys(POWER[state]) as PowerEvent[]).filter(
      event => powerStep(state, event).state === 'awake',
    );
    const own = state === 'asleep' ? ['not-suspended', 'slept'] : [];
    assert.equal(wakes.sort(), ['hello', 'withdrawn', ...own].sort(), state);
  }
});

test('a wake is called once, is slow after a while, fails at its deadline, and is tried again after a rest', () => {
  const { state, effects } = after(
    'entry',
    'wake',
    'wake',
    'late',
    'deadline',
    'wake',
    'rested',
    'wake',
    'hello',
  );
  assert.is(state, 'awake');
  assert.equal(effects, [
    ...['call', 'say-slow', 'hang-up', 'say-failed', 'rest', 'call', 'hang-up', 'say-awake'],
  ]);
});

test('a node that cannot be woken is no capacity for the rule, but a person may try', () => {
  const failed: PowerEvent[] = ['entry', 'wake', 'deadline', 'given-up'];
  assert.is(after(...failed, 'wake').state, 'unwakeable');
  assert.is(after(...failed, 'asked').state, 'waking');
  assert.is(after(...failed, 'hello').state, 'awake');
});

test('docs/power-table.md is what the table says', () => {
  const page = readFileSync(new URL('../../../../docs/power-table.md', import.meta.url), 'utf8');
  assert.is(page, powerTablePage());
});

test.run();
