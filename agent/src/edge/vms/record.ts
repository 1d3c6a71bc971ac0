/** What the store holds of each VM that this node owns, and of VMs that left it. Wall-clock times: own node only. */
import type { VmSpec } from '@shoal/protocol';
import { type Database, Shelf } from '../store/store.ts';
import type { Vmm } from '../vmm/types.ts';
import { Departures } from './departures.ts';

export type VmRecord = {
  spec: VmSpec;
  /** Count of ownerships; this node's claim. */
  epoch: number;
  /** What people want: a stopped VM is not started again by anybody but them. */
  desired: 'running' | 'stopped';
  /** Boot of the node in which it was last started: another one means that the node was rebooted. */
  bootId: string;
  pinnedUntilMs: number;
  backoff: { level: number; untilMs: number };
  crashesAtMs: number[];
  /** It ended by itself and is not to be restarted. */
  crashed: boolean;
  /** Its last end came because part of its memory went with the node that it had come from. */
  lost?: boolean;
  /** It ended by itself and is started again then; 0 = it does not wait for that. */
  restartAtMs: number;
};

export type OwnedVm = {
  record: VmRecord;
  vmm: Vmm | undefined;
  state: 'starting' | 'running' | 'paused' | 'stopped' | 'crashed' | 'lost';
};

/** Of a VM without a VMM. */
export const stateOf = ({ crashed, lost }: VmRecord): 'lost' | 'crashed' | 'stopped' => {
  if (lost) return 'lost';
  return crashed ? 'crashed' : 'stopped';
};

export type VmShelves = { records: Shelf<VmRecord>; departures: Departures };

export const vmShelves = (db: Database): VmShelves => ({
  records: new Shelf<VmRecord>(db, 'vm'),
  departures: new Departures(new Shelf(db, 'left')),
});

/** What a start changes. */
export const startedIn = (bootId: string) => ({ bootId, crashed: false, lost: false, restartAtMs: 0 });

export const newRecord = (spec: VmSpec, epoch: number, bootId: string): VmRecord => ({
  spec,
  epoch,
  desired: 'running',
  bootId,
  pinnedUntilMs: 0,
  backoff: { level: 0, untilMs: 0 },
  crashesAtMs: [],
  crashed: false,
  restartAtMs: 0,
});
