/**
 * What the handoff runner and the agent ask of a virtual machine monitor (QEMU, or the micro guest that speaks the
 * same QMP subset). The driver differs only in the command line; everything after the start goes through QMP.
 */
import type { Engine, VmSpec } from '@shoal/protocol';

/** QMP run states that Shoal tells apart (QEMU qapi/run-state.json). */
export type RunState =
  | 'running'
  | 'paused'
  | 'inmigrate'
  | 'prelaunch'
  | 'finish-migrate'
  | 'postmigrate'
  | 'internal-error'
  | 'io-error'
  | 'shutdown'
  | 'guest-panicked'
  | 'other';

/** Things that a VMM does by itself or in answer to a command. `atMs` is this node's monotonic clock. */
export type VmmEvent =
  | { kind: 'stop'; atMs: number }
  | { kind: 'resume'; atMs: number }
  | { kind: 'shutdown'; atMs: number }
  /** MIGRATION events: `pre-switchover`, `device`, `completed`, `failed`, `cancelled`, `active`, … */
  | { kind: 'migration'; status: string; atMs: number }
  /** Its monitor was closed though it lives, and is open again: what it told meanwhile has not been heard. */
  | { kind: 'reopened'; why: string; atMs: number }
  /** The process is gone. */
  | { kind: 'exit'; atMs: number };

/** One living VMM process under QMP. All methods reject with a VmmError that says what QEMU said. */
export interface Vmm {
  readonly vm: string;
  readonly pid: number;
  on(listener: (event: VmmEvent) => void): () => void;
  runState(): Promise<RunState>;
  /** Raw QMP, for what has no method here. */
  execute(command: string, args?: Record<string, unknown>): Promise<unknown>;
  /** Raw QMP past a main loop that waits for a page, for the commands that QEMU takes so. */
  executeOutOfBand(command: string, args?: Record<string, unknown>): Promise<unknown>;
  /**
   * Sets the capabilities that handoff.md demands for this engine and side, and how many bytes a second QEMU itself may send of
   * the guest's pages: none but under `precopy` and `qemu-postcopy`. 0: no limit.
   */
  setCapabilities(engine: Engine, side: 'source' | 'target', capBytesPerSecond?: number): Promise<void>;
  /** Target: `migrate-incoming unix:<path>`. */
  incoming(streamSocket: string): Promise<void>;
  /** Source: `migrate unix:<path>`. */
  migrate(streamSocket: string): Promise<void>;
  /** `state`: the one that it waits in; refused in any other. */
  migrateContinue(state?: 'pre-switchover' | 'cancelling'): Promise<void>;
  migrateCancel(): Promise<void>;
  migrationStatus(): Promise<{ status: string; raw: Record<string, unknown> }>;
  cont(): Promise<void>;
  stop(): Promise<void>;
  announceSelf(): Promise<void>;
  powerdown(): Promise<void>;
  /** Ends the process: `quit`, then SIGKILL by pid (a VMM that waits on a page fault ignores SIGTERM). */
  end(): Promise<void>;
}

/** Where a VM lives on this node: its directory under the run dir, RAM file, sockets. All derived from its UUID. */
export type VmPaths = {
  /** Belongs to the user that the VMM runs as: nothing in it is believed, and nothing of the agent's is written there. */
  dir: string;
  /** Pid and start time of the VMM, written by the agent beside that directory. */
  process: string;
  qmp: string;
  pidFile: string;
  log: string;
  console: string;
  channel(name: string): string;
  ram: string;
};

export interface VmHost {
  paths(spec: VmSpec): VmPaths;
  /** Size of its RAM file. */
  ramBytes(spec: VmSpec): number;
  /** Judges a spec against this node's allow-lists and what is there: all faults at once, empty = fine. */
  judge(spec: VmSpec): Promise<string[]>;
  /** Cold start: RAM file made anew, guest runs when this resolves. */
  start(spec: VmSpec): Promise<Vmm>;
  /** Target of a handoff: `-incoming defer -S`; `uffdSocket` arms the preload (postcopy). */
  startIncoming(spec: VmSpec, engine: Engine, uffdSocket: string | undefined): Promise<Vmm>;
  /** After a restart of the agent: the living VMM of this spec, if there is one. Its monitor may be deaf for now. */
  adopt(spec: VmSpec): Promise<Vmm | undefined>;
  /** Ends what still lives of the VM and gives back what it held: RAM file, sockets, taps. Its log stays. */
  release(spec: VmSpec): Promise<void>;
  /** The same, and removes its directory. */
  clean(spec: VmSpec): Promise<void>;
  /** Nonces that prove sameness of disks (written beside the image by the source, read by the target). */
  writeDiskNonces(spec: VmSpec): Promise<Record<string, string>>;
  checkDiskNonces(spec: VmSpec, nonces: Record<string, string>): Promise<string[]>;
  clearDiskNonces(spec: VmSpec): Promise<void>;
}
