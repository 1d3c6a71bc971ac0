/**
 * Turns the handoff tables of one engine into Promela: the very cells that agents run, printed as inlines that
 * `world.pml` calls. Nothing about a table is written down a second time; what a VMM, a network or a disk does is the
 * world's. Pure.
 *
 * For every event of a side: `S_ev_accept()` steps the table, `S_CAN_accept` says whether that would change anything
 * (so that the search ends). For every effect the world has `S_do_x()` and `S_WC_x` (would it change anything).
 */
import { recordOfSource, recordOfTarget, strangerAnswer } from '@shoal/agent/core/handoff/answers';
import type { Cell } from '@shoal/agent/core/handoff/cells';
import type { SourceMachine, TargetMachine } from '@shoal/agent/core/handoff/machines';
import { holdsAfterReboot } from '@shoal/agent/core/handoff/recover';

export type Side = 'S' | 'T';
type Cells = Record<string, Record<string, Cell<string, string>>>;
type Recovered = { state: string; effects: string[] };

/** What the other side makes of a word; undefined for one that no cell heeds. */
type Heard = (state: string) => string | undefined;

export type Printed = { names: string; cells: string };

type Half = {
  side: Side;
  cells: Cells;
  answer: Heard;
  /** What `send-record` says in a state. */
  record: Heard;
  inDoubt(state: string): boolean;
  recover(record: string, rebooted: boolean): Recovered;
  holds(record: string): boolean;
};

export const word = (name: string): string => name.replaceAll('-', '_');

const heeded = (event: string): string | undefined => (event === 'record' ? undefined : event);

export type Machines = { source: SourceMachine; target: TargetMachine };

/** A machine whose states are only names. */
type Named = {
  table: object;
  answer(state: string): string;
  record(state: string): string;
  inDoubt(state: string): boolean;
  waits(state: string): boolean;
  recover(record: string, rebooted: boolean): Recovered;
};

function half(side: Side, machine: Named, role: 'source' | 'target', heard: (state: string) => string): Half {
  const record: Heard = state => heeded(heard(machine.record(state)));
  return {
    side,
    cells: machine.table as Cells,
    record,
    answer(state) {
      const said = machine.answer(state);
      return said === 'record' ? record(state) : said;
    },
    // Asked only of a side whose peer has no power: it is silent.
    inDoubt: state => machine.inDoubt(state) || machine.waits(state),
    recover: machine.recover,
    holds: name => holdsAfterReboot(role, name),
  };
}

export const halves = ({ source, target }: Machines): Half[] => [
  half('S', source as unknown as Named, 'source', recordOfSource),
  half('T', target as unknown as Named, 'target', recordOfTarget),
];

const statesOf = (half: Half): string[] => Object.keys(half.cells);
const eventsOf = (half: Half): string[] => Object.keys(half.cells.gone ?? {});

/** The records that a side may find in its journal: those that some cell asks to be written. */
export function recordsOf(half: Pick<Half, 'cells'>): string[] {
  const cells = Object.values(half.cells).flatMap(row => Object.values(row));
  const effects = cells.flatMap(cell => (typeof cell === 'string' ? [] : cell.do));
  const records = effects.filter(e => e.startsWith('write-') && e !== 'write-again');
  return [...new Set(records.map(e => e.slice('write-'.length)))].sort();
}

/** Every word that a side says, in the printed text. */
const wordsIn = (text: string, side: Side): string[] => [
  ...new Set([...text.matchAll(new RegExp(`\\bM${side}_(\\w+)`, 'g'))].map(([, w]) => w ?? '')),
];

/**
 * Words as bits of a set, so that one that was said may come late, twice, and in any order; and the options of the
 * world in which one is heard or lost.
 */
function printWords(text: string): string {
  const lines = (['S', 'T'] as const).flatMap(side => {
    const to = side === 'S' ? 'T' : 'S';
    const words = wordsIn(text, side);
    const hear = words.map(
      w =>
        `  :: atomic { ${to}_HEARS(M${side}_${w}) && (st${to}==${to}_gone -> ${to}_STRANGER_CAN_${w} : ${to}_CAN_${w}) -> ` +
        `${to}_heard(M${side}_${w}); if :: st${to}==${to}_gone -> ${to}_stranger_${w}() :: else -> ${to}_ev_${w}() fi }`,
    );
    const lose = words.map(
      w => `  :: atomic { ${side}_MAYLOSE(M${side}_${w}) -> ${side}_lose(M${side}_${w}) }`,
    );
    return [
      `#define ${to}_HEARS_ALL \\`,
      hear.join(' \\\n'),
      `#define ${side}_LOSES_ALL \\`,
      lose.join(' \\\n'),
    ];
  });
  return lines.join('\n');
}

/**
 * Promela of one engine. `names` must come before the world's variables and effects, `cells` behind them: both tables,
 * what is said in answer, and recovery.
 */
export function printTables(machines: Machines): Printed {
  const both = halves(machines);
  const records = [...new Set(both.flatMap(recordsOf))].sort();
  const cells = both.flatMap(printHalf).join('\n');
  const names = [
    '/* Printed from agent/src/core/handoff by sim-harness/model/print.ts. */',
    '#define R_none 0',
    ...records.map((r, i) => `#define R_${word(r)} ${i + 1}`),
    ...both.flatMap(half => statesOf(half).map((s, i) => `#define ${half.side}_${word(s)} ${i}`)),
    ...(['S', 'T'] as const).flatMap(side =>
      wordsIn(cells, side).map((w, i) => `#define M${side}_${w} ${2 ** i}`),
    ),
    '',
  ];
  return { names: names.join('\n'), cells: `${cells}\n${printWords(cells)}\n` };
}

function printHalf(half: Half): string[] {
  const { side } = half;
  const states = statesOf(half);
  const doubtful = states.filter(half.inDoubt);
  const holding = recordsOf(half).filter(half.holds);
  const any = (of: string, names: string[], prefix: string) =>
    names.map(n => `${of}==${prefix}_${word(n)}`).join(' || ') || 'false';
  return [
    '',
    `#define ${side}_DOUBT (${any(`st${side}`, doubtful, side)})`,
    `#define ${side}_HOLDS(r) (${any('r', holding, 'R')})`,
    ...['ask', ...eventsOf(half)]
      .filter((e, i, all) => all.indexOf(e) === i)
      .flatMap(event => printEvent(half, event)),
    ...printWanted(half),
    ...printRecovery(half),
    ...printStranger(half),
  ];
}

/** What a cell does, as statements; `record` and answers are resolved for the state that says them. */
function statements(half: Half, effects: string[], sayer: string): string[] {
  return effects.flatMap(effect => {
    const said = effect === 'send-record' ? half.record(sayer) : undefined;
    if (effect === 'send-record') return said ? [`${half.side}_say(M${half.side}_${word(said)})`] : [];
    if (effect.startsWith('write-') && effect !== 'write-again')
      return [`${half.side}_write(R_${word(effect.slice('write-'.length))})`];
    if (effect.startsWith('send-'))
      return [`${half.side}_say(M${half.side}_${word(effect.slice('send-'.length))})`];
    return [`${half.side}_do_${word(effect)}()`];
  });
}

/** Whether a cell that leads nowhere else would change anything. */
function wouldChange(half: Half, effects: string[], state: string): string {
  const parts = effects.flatMap(effect => {
    const said =
      effect === 'send-record'
        ? half.record(state)
        : effect.startsWith('send-')
          ? effect.slice(5)
          : undefined;
    if (effect.startsWith('send-')) return said ? [`${half.side}_WCSAY(M${half.side}_${word(said)})`] : [];
    return [`${half.side}_WC_${word(effect)}`];
  });
  return parts.join(' || ');
}

function printEvent(half: Half, event: string): string[] {
  const { side, cells } = half;
  const can: string[] = [];
  const lines: string[] = [];
  for (const [state, row] of Object.entries(cells)) {
    const cell = row[event] ?? 'ignore';
    if (cell === 'ignore') continue;
    const here = `st${side}==${side}_${word(state)}`;
    const answered = half.answer(state);
    const effects = cell === 'answer' ? (answered ? [`send-${answered}`] : []) : cell.do;
    const to = cell === 'answer' ? state : cell.to;
    // Promela's printf is silent in a search; in a replay it tells the run in the tables' words.
    const told = `printf("${side}: ${state} --${event}--> ${to}\\n")`;
    const moves = to === state ? [] : [`st${side}=${side}_${word(to)}`];
    const done = statements(half, effects, to);
    if (to === state && done.length === 0) continue;
    const condition = to === state ? wouldChange(half, effects, state) : '';
    can.push(condition ? `(${here} && (${condition}))` : `(${here})`);
    lines.push(`  :: ${here} -> ${[told, ...moves, ...done].join('; ')}`);
  }
  const name = word(event);
  if (lines.length === 0)
    return [`#define ${side}_CAN_${name} false`, `inline ${side}_ev_${name}() { skip }`];
  return [
    `#define ${side}_CAN_${name} (${can.join(' || ')})`,
    `inline ${side}_ev_${name}() {`,
    '  if',
    ...lines,
    '  :: else -> skip',
    '  fi',
    '}',
  ];
}

/** Whether the present state waits for exactly the record that was asked for last. */
function printWanted({ side, cells }: Half): string[] {
  const waits = Object.keys(cells).filter(s => s.startsWith('w-'));
  const all = waits.map(s => `(st${side}==${side}_${word(s)} && r==R_${word(s.slice(2))})`);
  return [`#define ${side}_AWAITS(r) (${all.join(' || ')})`];
}

/** `X_recover()`: where an agent goes on that finds record `v`; `X_talk()`: where one stands that only talks about it. */
function printRecovery(half: Half): string[] {
  const { side } = half;
  const lines = recordsOf(half).flatMap(record =>
    [false, true].map(rebooted => {
      const { state, effects } = half.recover(record, rebooted);
      const told = `printf("${side}: starts with ${record}${rebooted ? ' of an earlier boot' : ''}\\n")`;
      const doing = [told, `st${side}=${side}_${word(state)}`, ...statements(half, effects, state)];
      return `  :: v${side}==R_${word(record)} && ${rebooted ? '' : '!'}old${side} -> ${doing.join('; ')}`;
    }),
  );
  const ends = recordsOf(half).filter(r => Object.hasOwn(half.cells, r));
  return [
    `inline ${side}_recover() {`,
    '  if',
    ...lines,
    '  fi',
    '}',
    `inline ${side}_talk() {`,
    '  if',
    ...ends.map(r => `  :: v${side}==R_${word(r)} -> st${side}=${side}_${word(r)}`),
    '  fi',
    '}',
  ];
}

/** Words that are a `record` on the wire. */
const RECORD_WORDS = ['record', 'no-record', 'committed', 'released', 'resolved', 'was-resolved'];

/** What a side that has no part in the handoff says to each word of the other. */
function printStranger({ side, cells }: Half): string[] {
  const words = Object.keys(cells.gone ?? {});
  return words.flatMap(heard => {
    const answer = strangerAnswer(RECORD_WORDS.includes(heard) ? 'record' : heard);
    const said = answer === 'nothing' ? 'skip' : `${side}_say(M${side}_${word(answer)})`;
    const would = said === 'skip' ? 'false' : `${side}_WCSAY(M${side}_${word(answer)})`;
    return [
      `#define ${side}_STRANGER_CAN_${word(heard)} ${would}`,
      `inline ${side}_stranger_${word(heard)}() { ${said} }`,
    ];
  });
}
