/** What the rest of the agent sees of the mesh. Peer ids are strings (`12D3KooW…`), addresses are multiaddrs. */

/** The part of a logger that the edge needs; pino fits. */
export type Log = {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

/** `ignore` drops a report quietly; `reject` also costs the peer that handed it on its standing (gossipsub P4). */
export type Verdict = 'accept' | 'ignore' | 'reject';

export type Validate = (author: string, bytes: Uint8Array) => Verdict | Promise<Verdict>;

/** A member of the allow-list and where it can be dialled. */
export type PeerEntry = { id: string; addresses: string[] };

export type PeerChange = 'up' | 'down';

export type MeshStats = {
  /** Bytes handed to and taken from TCP since the start: reports, streams, handshakes and all framing. */
  sentBytes: number;
  receivedBytes: number;
  reportsSent: number;
  reportsReceived: number;
  reportsRefused: number;
  connections: number;
};

export type MeshOptions = {
  stateDir: string;
  listen: string[];
  /** What others dial; empty = the listen addresses. */
  announce: string[];
  /** The allow-list; this node itself may stand in it. */
  peers: PeerEntry[];
  reportIntervalMs: number;
  /** Appends a line for every report sent and received (`trace.ts`); for the bench, which sets it by environment. */
  traceFile?: string | undefined;
};

export type MeshDeps = { log: Log; validate: Validate };

/** Who takes what comes over the register channel. */
export type RegisterEnds = {
  /** Before a register is passed on; `author` published it, which need not be who wrote it. */
  judge: Validate;
  /** One that was accepted. */
  heard(bytes: Uint8Array): void;
  /** A frame of an exchange. */
  frame(peer: string, frame: Uint8Array): void;
};

export interface RegisterChannel {
  /** Before it nothing is heard. */
  open(ends: RegisterEnds): Promise<void>;
  /** Gossips one register. */
  publish(bytes: Uint8Array): Promise<void>;
  /** As `Mesh.send`. */
  send(peer: string, frame: Uint8Array): Promise<void>;
  /** A peer was taken off the list. */
  drop(peer: string): void;
}

/** Frames between two nodes that have little to say to each other. */
export interface FrameChannel {
  /** Before it nothing is heard. */
  open(heard: (peer: string, frame: Uint8Array) => void): Promise<void>;
  /** As `Mesh.send`. */
  send(peer: string, frame: Uint8Array): Promise<void>;
  /** A peer was taken off the list. */
  drop(peer: string): void;
}

/** A mesh that carries what people ask for too; the simulator has no people. */
export type PeopledMesh = Mesh & { readonly actions: FrameChannel };

/** Every `on…` returns a function that takes the listener off again. */
export interface Mesh {
  readonly id: string;
  /** What others can dial now, without the `/p2p/` part. */
  addresses(): string[];
  /** Gossips one report of this node; resolves with the number of peers it went to. Rejects when it is too large. */
  publish(report: Uint8Array): Promise<number>;
  /**
   * `author` is proven by the signature, on the allow-list, and was accepted by `validate` on these very bytes.
   * `waitedMs`: what it may have waited at others before it came here.
   */
  onReport(listener: (author: string, report: Uint8Array, waitedMs: number) => void): () => void;
  /**
   * Sends one frame to a peer, in order with earlier ones. Resolves when TCP has it: only an answer proves delivery.
   * Rejects with one ShoalError (`SHOAL_PEER_…`, `SHOAL_FRAME_…`) when it cannot be sent within `timeoutMs`.
   */
  send(peer: string, frame: Uint8Array, timeoutMs?: number): Promise<void>;
  onMessage(listener: (peer: string, frame: Uint8Array) => void): () => void;
  /** A hint only: a node is there while its reports are fresh. */
  onPeer(listener: (peer: string, change: PeerChange) => void): () => void;
  /** Connected peers. */
  peers(): string[];
  /** Takes a new allow-list at once: cuts who is off it, dials who is new. */
  setAllowed(peers: PeerEntry[]): void;
  /** Addresses that a member's report names; ids off the list are passed over. */
  learn(peer: string, addresses: string[]): void;
  /** It sent what no honest node sends: that costs it on its standing here, as invalid gossip does. */
  blame(peer: string): void;
  readonly registers: RegisterChannel;
  readonly power: FrameChannel;
  stats(): MeshStats;
  stop(): Promise<void>;
}
