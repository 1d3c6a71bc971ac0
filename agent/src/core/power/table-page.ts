/** The table of power as a page for people; `docs/power-table.md` is printed from here and held to it by a test. */
import { POWER, POWER_STATES, type PowerEvent } from './table.ts';

/** In words, of every event; the compiler holds it whole. */
const EVENTS: Record<PowerEvent, string> = {
  wanted: 'the rule has not needed it for the slow window, or a person wants it asleep',
  empty: 'no VM, no reservation, no handoff is left here',
  needed: 'it is needed after all, or it took too long to become empty',
  agreed: 'every member said yes, and it is still empty',
  denied: 'a member said no, or nothing in time',
  'not-suspended': 'the driver did not suspend it',
  slept: 'time passed that only the boot-time clock saw',
  entry: 'its signed entry says that it sleeps',
  withdrawn: 'it took that back',
  hello: 'a report of a later life of its agent',
  wake: 'the rule wants it for a VM of this node',
  asked: 'a person wants it awake',
  late: 'the wake takes longer than most do',
  deadline: 'every method had its time',
  rested: 'it may be tried again',
  'given-up': 'it was tried as often as makes sense',
};

const OWN: readonly PowerEvent[] = [
  'wanted',
  'empty',
  'needed',
  'agreed',
  'denied',
  'not-suspended',
  'slept',
];

export const powerTablePage = (): string => `# The power of a node

Printed from \`agent/src/core/power/table.ts\` by \`npm run docs\`; why it is so: [the decision](decisions/0026-power.md). A bold word is the new
state, behind it what is done, in its order. What is not in a state's list has no effect there.

| event | of | what has happened |
|---|---|---|
${Object.entries(EVENTS)
  .map(
    ([event, words]) =>
      `| \`${event}\` | ${OWN.includes(event as PowerEvent) ? 'this node' : 'a peer'} | ${words} |`,
  )
  .join('\n')}

${POWER_STATES.map(state => {
  const rows = Object.entries(POWER[state]).flatMap(([event, cell]) =>
    typeof cell === 'string'
      ? []
      : [`| \`${event}\` | **${cell.to}**${cell.do.length > 0 ? `: ${cell.do.join(', ')}` : ''} |`],
  );
  return [`## ${state}`, '', '| event | what follows |', '|---|---|', ...rows, ''].join('\n');
}).join('\n')}`;
