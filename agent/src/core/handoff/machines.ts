/** All that a handoff steps by, for each engine: its two tables, and what goes with their states. Pure. */
import type { Engine } from '@shoal/protocol';
import {
  maybeInDoubt,
  type SourceAnswer,
  sourceAnswer,
  sourceRecord,
  type TargetAnswer,
  targetAnswer,
  targetRecord,
  waitsForPeer,
} from './answers.ts';
import type { Table } from './cells.ts';
import { COLUMNS } from './engines.ts';
import {
  qemuMaybeInDoubt,
  qemuSourceAnswer,
  qemuSourceRecord,
  qemuTargetAnswer,
  qemuTargetRecord,
} from './qemu-postcopy/answers.ts';
import { recoverQemuSource, recoverQemuTarget } from './qemu-postcopy/recover.ts';
import {
  QEMU_SOURCE,
  QEMU_SOURCE_ONLY_IN,
  type QemuSourceEffect,
  type QemuSourceEvent,
  type QemuSourceState,
} from './qemu-postcopy/source.ts';
import {
  QEMU_TARGET,
  QEMU_TARGET_ONLY_IN,
  type QemuTargetEffect,
  type QemuTargetEvent,
  type QemuTargetState,
} from './qemu-postcopy/target.ts';
import { SOURCE_ONLY_IN } from './source.ts';
import type { SourceEffect, SourceEvent, SourceState } from './source-kinds.ts';
import { TARGET_ONLY_IN } from './target.ts';
import type { TargetEffect, TargetEvent, TargetState } from './target-kinds.ts';

export type Machine<S extends string, V extends string, E extends string, A extends string> = {
  table: Table<S, V, E>;
  onlyIn: Partial<Record<E, readonly S[]>>;
  answer(state: S): A;
  /** The newest record on the disk that a state stands for; `none` before the first. */
  record(state: S): string;
  inDoubt(state: S): boolean;
  /** As well in doubt, once the peer has been silent. */
  waits(state: S): boolean;
  recover(record: string, rebooted: boolean): { state: S; effects: E[] };
};

/** States, events and effects of all engines: a machine knows its own, and is only ever given those. */
export type AnySourceState = SourceState | QemuSourceState;
export type AnySourceEvent = SourceEvent | QemuSourceEvent;
export type AnySourceEffect = SourceEffect | QemuSourceEffect;
export type SourceMachine = Machine<AnySourceState, AnySourceEvent, AnySourceEffect, SourceAnswer>;

export type AnyTargetState = TargetState | QemuTargetState;
export type AnyTargetEvent = TargetEvent | QemuTargetEvent;
export type AnyTargetEffect = TargetEffect | QemuTargetEffect;
export type TargetMachine = Machine<AnyTargetState, AnyTargetEvent, AnyTargetEffect, TargetAnswer>;

const QEMU_SOURCE_MACHINE: Machine<QemuSourceState, QemuSourceEvent, QemuSourceEffect, SourceAnswer> = {
  table: QEMU_SOURCE,
  onlyIn: QEMU_SOURCE_ONLY_IN,
  answer: qemuSourceAnswer,
  record: qemuSourceRecord,
  inDoubt: qemuMaybeInDoubt,
  waits: waitsForPeer,
  recover: recoverQemuSource,
};

const QEMU_TARGET_MACHINE: Machine<QemuTargetState, QemuTargetEvent, QemuTargetEffect, TargetAnswer> = {
  table: QEMU_TARGET,
  onlyIn: QEMU_TARGET_ONLY_IN,
  answer: qemuTargetAnswer,
  record: qemuTargetRecord,
  inDoubt: qemuMaybeInDoubt,
  waits: waitsForPeer,
  recover: recoverQemuTarget,
};

export function sourceMachine(engine: Engine): SourceMachine {
  if (engine === 'qemu-postcopy') return QEMU_SOURCE_MACHINE as SourceMachine;
  const { source: table, recoverSource: recover } = COLUMNS[engine];
  const machine: Machine<SourceState, SourceEvent, SourceEffect, SourceAnswer> = {
    ...{ table, recover, onlyIn: SOURCE_ONLY_IN },
    ...{ answer: sourceAnswer, record: sourceRecord, inDoubt: maybeInDoubt, waits: waitsForPeer },
  };
  return machine as SourceMachine;
}

export function targetMachine(engine: Engine): TargetMachine {
  if (engine === 'qemu-postcopy') return QEMU_TARGET_MACHINE as TargetMachine;
  const { target: table, recoverTarget: recover } = COLUMNS[engine];
  const machine: Machine<TargetState, TargetEvent, TargetEffect, TargetAnswer> = {
    ...{ table, recover, onlyIn: TARGET_ONLY_IN },
    ...{ answer: targetAnswer, record: targetRecord, inDoubt: maybeInDoubt, waits: waitsForPeer },
  };
  return machine as TargetMachine;
}
