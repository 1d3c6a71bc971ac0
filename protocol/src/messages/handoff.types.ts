/**
 * What two agents say to each other about one handoff, over the stream protocol `/shoal/handoff/1`.
 * Specification: `docs/design/handoff.md`. Every message carries the handoff's id, both incarnations and a deadline;
 * late ones are answered with the current record and change nothing.
 */
import type { Engine, Migration } from './load-report.ts';

/** In front of every handoff message. */
export type HandoffHead = {
  /** UUID of the handoff. */
  handoff: string;
  /** UUID of the VM. */
  vm: string;
  /** Incarnation of the sender, and the receiver's incarnation as the sender knows it (0 = unknown). */
  incarnation: number;
  peerIncarnation: number;
  /** The message is worth nothing after so many ms from its receipt; 0 = never worthless (facts such as `not-run`). */
  deadlineMs: number;
};

/** A report that a decision stood on. */
export type ReportRef = { node: string; incarnation: number; seq: number };

/** A disk as the target must find it. Same bytes are proven by a nonce beside the image, or by the NBD export. */
export type DiskSpec = {
  id: string;
  kind: 'file' | 'nbd';
  /** Absolute path, or `nbd://host:port/export` / `nbd+unix:///export?socket=/path`. */
  source: string;
  format: 'raw' | 'qcow2';
  readOnly: boolean;
};

export type NicSpec = { id: string; bridge: string; mac: string };

/** What a VM is made of: all that a node needs to run it. */
export type VmSpec = {
  vm: string;
  name: string;
  driver: 'qemu' | 'micro';
  memoryMib: number;
  vcpus: number;
  machine: 'pc' | 'q35' | 'microvm';
  /** Empty strings = boot from the first disk. */
  kernel: string;
  initrd: string;
  cmdline: string;
  disks: DiskSpec[];
  nics: NicSpec[];
  /** Names of extra serial ports, each a unix socket in the VM's run directory. */
  channels: string[];
  labels: Record<string, string>;
  migration: Migration;
  crash: 'restart' | 'leave';
};

export type MoveReason = 'overload' | 'consolidate' | 'manual' | 'drain';

export type Offer = HandoffHead & {
  type: 'offer';
  spec: VmSpec;
  /** Epoch that the target will hold. */
  epoch: number;
  engine: Engine;
  reason: MoveReason;
  /** Id of the relocation: hash of trigger and inputs. */
  relocation: string;
  /** The reports that it was decided on; empty for `manual`. */
  basis: ReportRef[];
  policyHash: string;
  /** Per disk id: the nonce that the source wrote beside the image, hex; NBD disks: empty. */
  diskNonces: Record<string, string>;
  /** SHA-256 of the source's page-server certificate, hex. */
  certSha256: string;
};
export type Accept = HandoffHead & { type: 'accept' };
export type Refuse = HandoffHead & {
  type: 'refuse';
  code: string;
  /** One sentence with the numbers. */
  detail: string;
  numbers: Record<string, number>;
};
/** The target's VMM waits for the stream; its page server listens here. */
export type Listening = HandoffHead & {
  type: 'listening';
  host: string;
  port: number;
  certSha256: string;
};
export type Ready = HandoffHead & { type: 'ready' };
/** The source's signed word that it will not run the VM again unless the target proves that it never will. */
export type Run = HandoffHead & { type: 'run'; epoch: number };
export type Running = HandoffHead & { type: 'running'; epoch: number };
export type Transferred = HandoffHead & { type: 'transferred' };
export type Abort = HandoffHead & { type: 'abort'; reason: string };
export type NotRun = HandoffHead & { type: 'not-run'; reason: string };
/** What is your newest record of this handoff? */
export type Ask = HandoffHead & { type: 'ask' };
/** Answer to `ask` and to late messages: the sender's newest record; `none` = it has none. */
export type RecordIs = HandoffHead & { type: 'record'; role: 'source' | 'target'; state: string };
/** Both must acknowledge the end before a record is forgotten. */
export type Ended = HandoffHead & { type: 'ended' };

export type HandoffMessage =
  | Offer
  | Accept
  | Refuse
  | Listening
  | Ready
  | Run
  | Running
  | Transferred
  | Abort
  | NotRun
  | Ask
  | RecordIs
  | Ended;
