/**
 * Faults planted on purpose, in the tables or in the world: each must be found, or the simulator proves nothing. Every
 * one breaks a rule of handoff.md that looks pedantic.
 */
import { sourceMachine, targetMachine } from '@shoal/agent/core/handoff/machines';

type Rows = Record<string, Record<string, unknown>>;

export type Plant = {
  name: string;
  /** What is wrong. */
  what: string;
  /** Whose tables: QEMU's own post-copy has others than the engines of our design. */
  in?: 'qemu-postcopy';
  /** Changes the tables of this process for good. */
  plant?: (source: Rows, target: Rows) => void;
};

const go = (to: string, ...effects: string[]) => ({ to, do: effects });

/** Replaces a cell. */
const cell = (rows: Rows, state: string, event: string, becomes: unknown): void => {
  const row = rows[state];
  if (!row || !(event in row))
    throw new Error(`the tables have no cell ${state} ${event} to plant a fault in`);
  rows[state] = { ...row, [event]: becomes };
};

/** Those without `plant` are known to the world by their names. */
export const PLANTS: readonly Plant[] = [
  {
    name: 'commit-without-postmigrate',
    what: "the source commits on the target's word alone",
    plant: source => cell(source, 'switching', 'ready', go('w-committed', 'write-committed')),
  },
  {
    name: 'expiry-forgets',
    what: 'a ready target whose reservation runs out forgets the handoff instead of waiting for its source',
    plant(_source, target) {
      cell(target, 'w-ready', 'written', go('ready', 'send-ready'));
      cell(target, 'ready', 'deadline', go('gone', 'drop-vm', 'end-pages', 'release-reservation', 'forget'));
    },
  },
  {
    name: 'not-run-not-final',
    what: 'a target that has written not-run obeys a late run',
    plant: (_source, target) => cell(target, 'not-run', 'run', go('w-owner', 'write-owner')),
  },
  {
    name: 'rollback-unwritten',
    what: 'the source lets its guest go on though aborted is not on its disk',
    plant: source =>
      cell(source, 'w-aborted', 'write-failed', go('aborting', 'send-abort', 'end-pages', 'bring-back')),
  },
  {
    name: 'freed-on-running',
    what: "the source frees the guest's memory when the target runs it, not when all pages are there",
    plant: source => cell(source, 'committed', 'running', go('w-released', 'write-released')),
  },
  {
    name: 'retaken-unasked',
    what: 'a source in doubt takes the VM back when nobody answers',
    plant: source => cell(source, 'committed', 'resend', go('w-retaken', 'write-retaken')),
  },
  {
    name: 'run-before-it-serves',
    what: 'under qemu-postcopy the source says run though its VMM may still fail and go on by itself',
    in: 'qemu-postcopy',
    plant: source => cell(source, 'w-committed', 'written', go('committed', 'switch-over', 'send-run')),
  },
  {
    name: 'run-unasked',
    what: "under qemu-postcopy the target takes a loaded device state for the source's word",
    in: 'qemu-postcopy',
    plant: (_source, target) => cell(target, 'ready', 'loaded', go('w-owner', 'write-owner')),
  },
  {
    name: 'ended-on-running',
    what: 'under qemu-postcopy the source ends its VMM when the target runs the guest, not when it has all pages',
    in: 'qemu-postcopy',
    plant: source => cell(source, 'serving', 'running', go('w-released', 'write-released')),
  },
  {
    name: 'restarted-untold',
    what: 'a page server that takes the place of a dead one is not told that the memory stands',
  },
  { name: 'sync-skipped', what: 'records are told as written before they are on the disk' },
  { name: 'autostart', what: "the target's VMM runs its guest as soon as it has loaded (no -S)" },
  { name: 'epoch-forgotten', what: 'every node claims its VMs with epoch 1' },
];

const OURS = ['postcopy', 'precopy'] as const;

/** Throws for a name that there is not. */
export function plant(name: string): void {
  const found = PLANTS.find(p => p.name === name);
  if (!found) throw new Error(`no fault is called ${name}; there are ${PLANTS.map(p => p.name).join(', ')}`);
  for (const engine of found.in ? [found.in] : OURS)
    found.plant?.(sourceMachine(engine).table as Rows, targetMachine(engine).table as Rows);
}
