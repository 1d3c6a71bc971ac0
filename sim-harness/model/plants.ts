/**
 * Faults planted into the tables or the world, each of which the search must find: a checker that never fails checks
 * nothing. Every one was thought of, or made, by somebody who wrote a handoff.
 */
import type { Cell } from '@shoal/agent/core/handoff/cells';
import type {
  AnySourceEffect,
  AnySourceEvent,
  AnySourceState,
  AnyTargetEffect,
  AnyTargetEvent,
  AnyTargetState,
} from '@shoal/agent/core/handoff/machines';
import { type Model, modelOf } from './engines.ts';
import type { Mix } from './searches.ts';

export type Plant = {
  name: string;
  /** What was done wrong, one sentence. */
  what: string;
  /** Faults that are enough to see it. */
  mix: Mix;
  plant(model: Model): Model;
};

type SCell = Cell<AnySourceState, AnySourceEffect>;
type TCell = Cell<AnyTargetState, AnyTargetEffect>;

const source =
  (state: AnySourceState, cells: Partial<Record<AnySourceEvent, SCell>>) =>
  (model: Model): Model => {
    const machine = model.machines.source;
    const table = { ...machine.table, [state]: { ...machine.table[state], ...cells } };
    return { ...model, machines: { ...model.machines, source: { ...machine, table } } };
  };

const target =
  (state: AnyTargetState, cells: Partial<Record<AnyTargetEvent, TCell>>) =>
  (model: Model): Model => {
    const machine = model.machines.target;
    const table = { ...machine.table, [state]: { ...machine.table[state], ...cells } };
    return { ...model, machines: { ...model.machines, target: { ...machine, table } } };
  };

/** `forgets`: records of an earlier boot that are taken up as if the node had not been rebooted. */
const takenUp =
  (role: 'source' | 'target', forgets: (record: string) => boolean) =>
  (model: Model): Model => {
    const machine = model.machines[role];
    const recover = (record: string, rebooted: boolean) =>
      machine.recover(record, rebooted && !forgets(record));
    return { ...model, machines: { ...model.machines, [role]: { ...machine, recover } } };
  };

const world =
  (define: string) =>
  (model: Model): Model => ({ ...model, defines: [...model.defines, define] });

const both =
  (...plants: ((model: Model) => Model)[]) =>
  (model: Model): Model =>
    plants.reduce((m, plant) => plant(m), model);

const s = (to: AnySourceState, ...effects: AnySourceEffect[]): SCell => ({ to, do: effects });
const t = (to: AnyTargetState, ...effects: AnyTargetEffect[]): TCell => ({ to, do: effects });
const SOURCE = modelOf('postcopy').machines.source.table;
const TARGET = modelOf('postcopy').machines.target.table;

export const PLANTS: Plant[] = [
  {
    name: 'commit-without-postmigrate',
    what: "the source commits on the target's word, without that of its own VMM",
    mix: { cut: 1 },
    plant: source('switching', { ready: s('w-committed', 'write-committed') }),
  },
  {
    name: 'sync-skipped',
    what: 'a write is taken as done before it is on the disk',
    mix: { power: 1, wf: 1 },
    plant: world('PLANT_NO_SYNC'),
  },
  {
    name: 'run-before-committed-is-synced',
    what: 'the source says run while it still writes that it has committed',
    mix: { wf: 1, cancels: 1, crash: 1 },
    plant: both(
      source('switching-done', { ready: s('w-committed', 'write-committed', 'send-run') }),
      source('switching-ready', { postmigrate: s('w-committed', 'write-committed', 'send-run') }),
    ),
  },
  {
    name: 'cont-before-owner-is-synced',
    what: 'the target lets the guest run although the record that it owns it failed',
    mix: { wf: 1, crash: 1, vmd: 1 },
    plant: target('w-owner', { 'write-failed': TARGET['w-owner'].written }),
  },
  {
    name: 'aborted-not-read-back',
    what: 'the source resumes the guest although the record of its abort failed',
    mix: { wf: 2, crash: 1, cancels: 1 },
    plant: source('w-aborted', { 'write-failed': SOURCE['w-aborted'].written }),
  },
  {
    name: 'expiry-after-ready',
    what: 'a reservation runs out when the target has said ready',
    mix: {},
    plant: target('ready', { deadline: t('gone', 'drop-vm', 'end-pages', 'release-reservation', 'forget') }),
  },
  {
    name: 'not-run-dropped',
    what: 'a target that has given up forgets that, and lets a later run overrule it',
    mix: { cancels: 1 },
    plant: both(
      target('w-not-run', { written: t('not-run', 'release-reservation', 'send-not-run') }),
      target('not-run', { run: t('w-owner', 'write-owner') }),
    ),
  },
  {
    name: 'not-run-not-told',
    what: 'a target that has given up does not say so to its source',
    mix: { vmd: 1 },
    plant: both(
      target('w-not-run', { written: t('not-run', 'drop-vm', 'end-pages', 'release-reservation') }),
      target('not-run', { resend: 'ignore', run: 'ignore', ask: 'ignore', abort: 'ignore' }),
    ),
  },
  {
    name: 'taken-back-by-the-clock',
    what: 'the source takes a committed VM back when its target is silent for long',
    mix: {},
    plant: source('committed', { deadline: s('w-retaken', 'write-retaken') }),
  },
  {
    name: 'ram-freed-before-transferred',
    what: 'the source lets go of the memory when the target runs, not when it has the pages',
    mix: {},
    plant: source('committed', { running: s('w-released', 'write-released') }),
  },
  {
    name: 'reservation-leaked',
    what: 'a target that gave up keeps the memory reserved',
    mix: {},
    plant: target('w-not-run', {
      written: t('not-run', 'drop-vm', 'end-pages', 'send-not-run', 'send-ended'),
    }),
  },
  {
    name: 'refusal-as-accept',
    what: 'the source prepares although the target refused',
    mix: { judge: 1 },
    plant: source('offered', { refuse: s('w-preparing', 'write-preparing') }),
  },
  {
    name: 'earlier-lives-obeyed',
    what: 'words from and to earlier lives of the agents are obeyed',
    mix: { power: 1, words: 1 },
    plant: world('PLANT_EARLIER_LIVES'),
  },
  {
    name: 'memoryless-says-run',
    what: 'a source whose memory went with the power tells the target to run the guest',
    mix: { power: 1 },
    plant: takenUp('source', () => true),
  },
  {
    name: 'rebooted-owner-starts',
    what: 'a target that was rebooted starts what it owned without asking the source',
    mix: { power: 2, words: 1 },
    plant: takenUp('target', () => true),
  },
  {
    name: 'rebooted-source-guesses',
    what: 'a source that was rebooted in a switch aborts without asking the target',
    mix: { power: 2, words: 1 },
    plant: takenUp('source', record => record === 'switching'),
  },
  {
    name: 'settled-not-asked-about',
    what: 'a node that was rebooted starts a VM whose settled handoff the other side has not acknowledged',
    mix: { power: 2, words: 1 },
    plant: model => ({
      ...model,
      printed: ({ names, cells }) => ({
        names,
        cells: cells.replace(/_HOLDS\(r\) .*/g, '_HOLDS(r) (false)'),
      }),
    }),
  },
  {
    name: 'ended-believed-after-a-reboot',
    what: 'a rebooted source that had aborted starts its guest when the target says that it has ended',
    mix: { power: 2, words: 1 },
    plant: both(
      source('returned', { ended: s('w-aborted', 'write-aborted') }),
      target('resolved', { resend: t('resolved', 'send-transferred', 'send-ended') }),
    ),
  },
  {
    name: 'doubt-without-end',
    what: 'a rebooted source does not heed that its target is only ready',
    mix: { power: 1 },
    plant: source('rebooted', { ready: 'ignore' }),
  },
  {
    name: 'lost-without-looking',
    what: 'a guest is ended as lost because its source has ended, though all its pages have come',
    mix: { power: 1, crash: 1 },
    plant: target('running', { released: t('lost', 'report-memory-lost', 'end-vmm') }),
  },
  {
    name: 'pages-unwatched-while-committing',
    what: 'a page server that dies while the commit is being written down is not started again',
    mix: { pgd: 1 },
    plant: source('w-committed', { 'pages-exit': 'ignore' }),
  },
  {
    name: 'pages-without-a-server',
    what: 'a page server that died behind the commit is not started again',
    mix: { pgd: 1 },
    plant: both(
      source('committed', { 'pages-exit': 'ignore' }),
      source('transferring', { 'pages-exit': 'ignore' }),
    ),
  },
];
