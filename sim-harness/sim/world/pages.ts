/**
 * Page servers: processes of their own with a session directory, one per handoff and side, that find each other over
 * the network, carry the migration's stream and then the pages (agent/native/README.md).
 */
import type { PageServerEvent, PageStats, SessionFile } from '@shoal/agent';
import { movesPages } from '@shoal/protocol';
import type { Machine } from './machine.ts';
import type { Migration } from './migration.ts';
import type { SimVmm } from './vmm.ts';
import type { World } from './world.ts';

/** Key and certificate of one side of a handoff. */
export type Session = { certSha256: string; file: SessionFile | undefined; process: PageProcess | undefined };

const RETRY_MS = 400;
/** All pages of a small guest, while it runs. */
const AHEAD_MS = [10, 4000] as const;
/** Of a guest that has any. */
const PAGES = 1000;

export class PageProcess {
  readonly machine: Machine;
  readonly session: SessionFile;
  readonly pid: number;
  /** Another one has died over the same session. */
  readonly takesOver: boolean;
  alive = true;
  frozen = false;
  complete = false;
  /** The other side, while both connections are up. */
  link: PageProcess | undefined;
  stream: Migration | undefined;
  readonly port: number;
  readonly #world: World;
  readonly #listeners = new Set<(event: PageServerEvent) => void>();
  /** Newest of each kind: what a new client is told first. */
  readonly #newest = new Map<string, PageServerEvent>();
  /** Fetch: the source has told which pages there are; after a start anew it must tell again. */
  #mapped = false;
  #transfer: { cancel(): void; sinceMs: number } | undefined;

  constructor(world: World, machine: Machine, session: SessionFile, takesOver: boolean) {
    this.takesOver = takesOver;
    this.#world = world;
    this.machine = machine;
    this.session = session;
    this.pid = world.nextPid();
    this.port = session.port || 40_000 + this.pid;
    world.log.line(machine.name, `page server (${session.role}) of ${session.handoff.slice(0, 8)} starts`);
    if (session.role === 'fetch')
      world.time.after(2, () => this.#tell({ event: 'listening', host: session.host, port: this.port }));
    else this.#seek();
  }

  on(listener: (event: PageServerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  known(): PageServerEvent[] {
    return [...this.#newest.values()];
  }

  stats(): PageStats {
    const sent = { wireBytes: 0, urgentBytes: 0, bulkBytes: 0, dataBytes: 0, streamBytes: 0 };
    const packed = { packedFromBytes: 0, packedBytes: 0, packedExtents: 0, releasedBytes: 0 };
    const none = {
      ...sent,
      ...packed,
      bytesPerSecond: 0,
      bulkWindowBytes: 0,
      samples: 0,
      zeroFaults: 0,
      blocked: [],
    };
    const faults = { count: 0, sumUs: 0, p50Us: 0, p99Us: 0, maxUs: 0, buckets: [] };
    const dataPages = this.#mapped ? PAGES : 0;
    const pagesDone = this.#mapped && !this.#waiting()?.pagesFrom ? PAGES : 0;
    return {
      ...none,
      dataPages,
      pagesDone,
      faults,
      deviceLoadPages: [],
      faultedBlocks: [],
      reconnects: 0,
      cpuMs: 0,
    };
  }

  /** Serve: memory goes ahead of the switch. While the link is away it does not. */
  warm(): void {
    const { time, chance } = this.#world;
    time.after(chance.between(...AHEAD_MS), () => {
      if (!this.alive) return;
      if (this.link) this.#tell({ event: 'warmed', passes: 1, duePages: 0, aheadBytes: 0 });
      else this.warm();
    });
  }

  end(why: string): void {
    if (!this.alive) return;
    this.alive = false;
    const { log, time, chance } = this.#world;
    log.line(
      this.machine.name,
      `page server (${this.session.role}) of ${this.session.handoff.slice(0, 8)} ends: ${why}`,
    );
    this.unlink('the other side ended');
    time.after(chance.between(0.5, 10), () => this.#tell({ event: 'exit' }, true));
  }

  /** Serve: looks for the other side until it is found. */
  #seek(): void {
    if (!this.alive || this.link) return;
    const found = this.#world.fetcherAt(this.session.host, this.session.port);
    if (found && this.#fits(found)) {
      this.link = found;
      found.link = this;
      this.#tell({ event: 'peer', up: true, detail: '' });
      found.#tell({ event: 'peer', up: true, detail: '' });
      found.transfer();
    }
    this.#world.time.after(RETRY_MS, () => this.#seek());
  }

  #fits(found: PageProcess): boolean {
    const mine = this.machine.sessions.get(this.session.handoff)?.certSha256;
    const theirs = found.machine.sessions.get(found.session.handoff)?.certSha256;
    return (
      found.session.handoff === this.session.handoff &&
      found.link === undefined &&
      found.session.peerCertSha256 === mine &&
      this.session.peerCertSha256 === theirs &&
      this.#world.network.connects(this.machine.id, found.machine.id)
    );
  }

  /** The link is lost: the stream with it, but not the pages that are there. */
  unlink(why: string): void {
    const other = this.link;
    if (!other) return;
    this.link = undefined;
    other.link = undefined;
    for (const side of [this, other]) {
      side.#pause();
      if (side.alive) side.#tell({ event: 'peer', up: false, detail: why });
    }
    this.stream?.break();
    const serve = this.session.role === 'serve' ? this : other;
    if (serve.alive) this.#world.time.after(RETRY_MS, () => serve.#seek());
  }

  /** Serve: the memory stands. Until it is told so it sends nothing. False: it knows. */
  freeze(): boolean {
    const is = this.frozen;
    this.frozen = true;
    this.link?.transfer();
    return !is;
  }

  /** Fetch: goes on bringing the pages that its VMM lacks, while there is a link. */
  transfer(): void {
    const vmm = this.#waiting();
    if (this.session.role !== 'fetch' || !this.alive || !this.link?.frozen || this.#transfer) return;
    // Before the devices are loaded nobody has told which pages there are.
    if (!vmm || vmm.state === 'inmigrate' || this.complete || !movesPages(this.session.engine)) return;
    this.#mapped = true;
    const sinceMs = this.#world.time.nowMs;
    const cancel = this.#world.time.after(vmm.missingMs, () => this.#arrived(vmm));
    this.#transfer = { cancel, sinceMs };
  }

  #pause(): void {
    const vmm = this.#waiting();
    if (!this.#transfer) return;
    this.#transfer.cancel();
    if (vmm) vmm.missingMs -= this.#world.time.nowMs - this.#transfer.sinceMs;
    this.#transfer = undefined;
  }

  #arrived(vmm: SimVmm): void {
    const { truth } = this.#world;
    const from = vmm.pagesFrom;
    if (!vmm.alive || !this.link) return;
    if (from && from.machine.ram.get(vmm.spec.vm) !== from.ramId)
      truth.violated(`${vmm.spec.name}: its memory was freed before it had been transferred`);
    vmm.pagesFrom = undefined;
    vmm.missingMs = 0;
    this.complete = true;
    this.link.complete = true;
    this.#tell({ event: 'complete', stats: this.stats() });
    this.link.#tell({ event: 'complete', stats: this.stats() });
  }

  /** Fetch: the VMM that its stream goes to. */
  #waiting(): SimVmm | undefined {
    return [...this.machine.vmms.values()].find(v => v.incomingSocket === this.session.streamSocket);
  }

  #tell(event: PageServerEvent, last = false): void {
    if (!this.alive && !last) return;
    this.#newest.set(event.event, event);
    for (const listener of [...this.#listeners]) listener(event);
  }
}
