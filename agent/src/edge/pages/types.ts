/**
 * The page server as the agent sees it: a process of its own per handoff and side (`shoal-pages serve|fetch
 * <session directory>`), controlled by newline-delimited JSON over `<session directory>/control.sock`.
 * It survives a restart of the agent; `adopt` finds it again. Wire and control protocol: `agent/native/README.md`.
 */
import type { Engine } from '@shoal/protocol';

/** Which pages go while nobody waits for one; faults are answered at once and the device-load set goes first in each. */
export type PageOrder = 'sequential' | 'windows' | 'hot';

/** Whether pages of bulk travel packed: `auto` where it shortens the transfer, `on` where they shrink. Both sides must want it. */
export type Compression = 'auto' | 'off' | 'on';

/** Whether the source gives memory back while pages still come: of those that the target has, once the guest runs there. */
export type EarlyRelease = 'off' | 'on';

/** Of one move, instead of what the configuration of the source says. */
export type PageWishes = {
  order?: PageOrder;
  compression?: Compression;
  bulkBytesPerSecond?: number;
  bulkWindowBytes?: number;
  earlyRelease?: EarlyRelease;
};

/** `session.json` in the session directory, mode 0600: all that a page server needs to start, and to start again. */
export type SessionFile = {
  /** UUID of the handoff; binds both connections to it. */
  handoff: string;
  role: 'serve' | 'fetch';
  engine: Engine;
  /** Guest RAM; empty string for `precopy`, where the page server only carries the stream. */
  ramFile: string;
  ramBytes: number;
  pageBytes: number;
  /** SHA-256 of the peer's certificate, hex. */
  peerCertSha256: string;
  /** `fetch`: address to listen on, port 0 = any. `serve`: where to connect, port 0 = not known yet. */
  host: string;
  port: number;
  /** `serve` listens here for the source VMM's `migrate unix:`; `fetch` connects here, where the VMM listens. */
  streamSocket: string;
  /** `fetch`, postcopy: listens here for the preload's descriptor. */
  uffdSocket: string;
  /** Only a peer with this uid may hand over a descriptor. */
  vmmUid: number;
  /** Page indexes to push with the switch (recorded at the last move of that machine type). */
  deviceLoadPages: number[];
  /** `serve`, order `hot`: blocks of 16 pages that the guest faulted first when it came here, where its writes are not seen. */
  hotBlocks: number[];
  /** `serve`. */
  order: PageOrder;
  compression: Compression;
  /** Most of bulk in flight, bytes. Larger = nearer to line rate, smaller = shorter queue before urgent pages; 0 = adapts. */
  bulkWindowBytes: number;
  /** 0 = no cap. */
  bulkBytesPerSecond: number;
  /** Kept for the agent, which asks for it (`release`). */
  earlyRelease: EarlyRelease;
  /** False only in benches, where it is named. */
  tls: boolean;
};

/** What moves to a node recorded for the moves from it. */
export type Recorded = Pick<SessionFile, 'deviceLoadPages' | 'hotBlocks'>;

/** Upper bounds of the buckets in which a page server tells how long faults waited (`histogram.rs`). */
export const FAULT_BOUNDS_US = [
  50, 100, 150, 250, 500, 750, 1000, 1500, 2000, 3000, 5000, 10_000, 20_000, 50_000, 100_000, 250_000,
  1_000_000, 10_000_000,
] as const;

export type FaultStats = {
  count: number;
  sumUs: number;
  p50Us: number;
  p99Us: number;
  maxUs: number;
  /** Waits up to each of `FAULT_BOUNDS_US` and above the one before; the last is above all. They add up to `count`. */
  buckets: number[];
};

/** How long a thread of the VMM stood for pages, and how often. QEMU calls its vCPUs `CPU 0/KVM` and the like. */
export type Blocked = { thread: string; us: number; faults: number };

export type PageStats = {
  /** Bytes on all connections of this handoff, both directions, TLS included. */
  wireBytes: number;
  /** Page payload in answer to faults, and unasked: as it went or came, also where a page came by both. */
  urgentBytes: number;
  bulkBytes: number;
  /** Extents that travelled packed: as pages, on the wire, and how many. */
  packedFromBytes: number;
  packedBytes: number;
  packedExtents: number;
  /** serve: memory that was given back before the end. */
  releasedBytes: number;
  /** Pages and stream, over the last 0.2 s at least. */
  bytesPerSecond: number;
  /** serve: most of bulk in flight now. */
  bulkWindowBytes: number;
  /** serve, order `hot`: looks at what the guest wrote. */
  samples: number;
  /** Page payload installed (fetch) or sent (serve). */
  dataBytes: number;
  streamBytes: number;
  dataPages: number;
  pagesDone: number;
  zeroFaults: number;
  /** fetch: pages of data that somebody waited for. */
  faults: FaultStats;
  /** fetch. */
  blocked: Blocked[];
  /** Page indexes faulted while the devices loaded, in order: the next move's device-load set. */
  deviceLoadPages: number[];
  /** fetch: blocks of 16 pages in the order in which the running guest faulted them first, the first 256. */
  faultedBlocks: number[];
  reconnects: number;
  /** User + system CPU of the process. */
  cpuMs: number;
};

/** `writtenPages`: seen in all samples together. `hotBlocks`: of 16 pages, that go first; without samples by the session's list. */
export type Frozen = { dataBytes: number; extents: number; hotBlocks: number; writtenPages: number };

export type PageServerEvent =
  /** fetch: listens, ready to be told to the source. */
  | { event: 'listening'; host: string; port: number }
  /** fetch, postcopy: the preload's descriptor is here and the range is registered. */
  | { event: 'registered' }
  /** serve: whether it is seen what the guest writes; `detail` says why not. */
  | { event: 'watch'; on: boolean; detail: string }
  /** Both connections are up and authenticated / lost. */
  | { event: 'peer'; up: boolean; detail: string }
  | { event: 'progress'; stats: PageStats }
  /** serve, warm: nothing more goes ahead of the switch. */
  | { event: 'warmed'; passes: number; duePages: number; aheadBytes: number }
  /** fetch: every data page is in place and the range is unregistered. serve: the target said so. */
  | { event: 'complete'; stats: PageStats }
  | { event: 'error'; code: string; message: string; fatal: boolean }
  /** Made by the agent's client: the process is gone, or its control connection; then whoever looks for it finds it again. */
  | { event: 'exit' };

export interface PageServer {
  readonly handoff: string;
  readonly pid: number;
  on(listener: (event: PageServerEvent) => void): () => void;
  /** serve, started with port 0: the session says by now where the target listens. */
  connect(): Promise<void>;
  /** serve, order `hot`: the guest will be frozen; see what it writes until then. Where that cannot be known, nothing changes. */
  watch(): Promise<void>;
  /** serve, warm: send the memory while the guest runs, until that is worth no more (`warmed`). */
  warm(): Promise<void>;
  /** serve, postcopy: the guest is stopped; map the data, push the device-load set. Resolves when it is queued ahead of the stream; undefined: it was frozen already. */
  freeze(): Promise<Frozen | undefined>;
  /** serve, postcopy: the guest runs at the target; give back what that has. */
  release(): Promise<void>;
  /** fetch: the guest runs now (ends the device-load phase). */
  resumed(): Promise<void>;
  stats(): Promise<PageStats>;
  /** Ends the process in order; `end` twice is fine. */
  end(): Promise<void>;
}

export interface PageServers {
  /** Makes the session directory (0700), key and certificate; answers the certificate's SHA-256, hex. */
  init(
    handoff: string,
  ): Promise<{ certSha256: string; dir: string; streamSocket: string; uffdSocket: string }>;
  /** Ends one that still runs over the same session and could not be adopted. Rejects also when one runs that it cannot reach. */
  start(session: SessionFile): Promise<PageServer>;
  /** Of a page server that runs: what it is told to read again by `connect`. */
  rewrite(session: SessionFile): Promise<void>;
  adopt(handoff: string): Promise<PageServer | undefined>;
  /** Removes the session directory with its key, and ends whoever still runs over it. */
  remove(handoff: string): Promise<void>;
  /** Removes all session directories but those of these handoffs. */
  keepOnly(handoffs: readonly string[]): Promise<void>;
}
