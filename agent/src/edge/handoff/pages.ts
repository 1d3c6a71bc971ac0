/** The page server of one side of one handoff, through its restarts; keeps the last figures when it ends. */
import { movesPages } from '@shoal/protocol';
import type { Time } from '../clock.ts';
import type { Logger } from '../log.ts';
import type {
  Frozen,
  PageServer,
  PageServerEvent,
  PageServers,
  PageStats,
  SessionFile,
} from '../pages/types.ts';
import type { JournalEntry } from './journal.ts';
import type { Timeline } from './timeline.ts';

/** What differs from handoff to handoff; the rest follows from the session's directory. */
export type SessionWants = Pick<
  SessionFile,
  | 'role'
  | 'peerCertSha256'
  | 'host'
  | 'port'
  | 'ramFile'
  | 'ramBytes'
  | 'deviceLoadPages'
  | 'hotBlocks'
  | 'order'
  | 'compression'
  | 'vmmUid'
  | 'bulkWindowBytes'
  | 'bulkBytesPerSecond'
  | 'earlyRelease'
>;

export type PagesListener = {
  /** The peer is connected; at the source, under `warm`, the memory has gone ahead as well. */
  up(): void;
  gone(why: string): void;
  complete(stats: PageStats): void;
  progress(stats: PageStats): void;
};

export type PagesDeps = { pageServers: PageServers; log: Logger; clock: Pick<Time, 'nowMs'> };

const PAGE_BYTES = 4096;

export class Pages {
  readonly #entry: Omit<JournalEntry, 'record' | 'seq'>;
  readonly #servers: PageServers;
  readonly #deps: PagesDeps;
  readonly #timeline: Timeline;
  readonly #listener: PagesListener;
  #paths: { certSha256: string; streamSocket: string; uffdSocket: string } | undefined;
  #server: PageServer | undefined;
  #early: Promise<void> | undefined;
  #ending = false;
  #lastError = '';
  #linked = false;
  #complete = false;
  /** The guest stands here for good: what its memory is, it stays. */
  #stands = false;

  constructor(
    entry: Omit<JournalEntry, 'record' | 'seq'>,
    deps: PagesDeps,
    timeline: Timeline,
    listener: PagesListener,
  ) {
    this.#entry = entry;
    this.#servers = deps.pageServers;
    this.#deps = deps;
    this.#timeline = timeline;
    this.#listener = listener;
  }

  /** Makes directory, key and certificate. Answers the certificate's SHA-256, hex. */
  async init(): Promise<string> {
    this.#paths = await this.#servers.init(this.#entry.handoff);
    return this.#paths.certSha256;
  }

  /** Takes what another part has already made with `init`. */
  take(paths: { certSha256: string; streamSocket: string; uffdSocket: string }): void {
    this.#paths = paths;
  }

  get streamSocket(): string {
    return this.#session().streamSocket;
  }
  /** Whether its peer is connected now. */
  get linked(): boolean {
    return this.#linked;
  }
  get uffdSocket(): string {
    return this.#session().uffdSocket;
  }

  /**
   * With port 0 a source is started before it is known where its target listens, to look at its guest: the next `start`
   * tells it. Whatever becomes of that, the next one starts another if it must.
   */
  async start(wants: SessionWants): Promise<void> {
    await this.#early;
    const { offer, handoff, session } = this.#entry;
    const paths = this.#paths;
    if (!paths) throw new Error('the page server was not initialised');
    const waits = wants.role === 'serve' && session?.port === 0 && this.#server;
    this.#entry.session = {
      handoff,
      engine: offer.engine,
      pageBytes: PAGE_BYTES,
      streamSocket: paths.streamSocket,
      uffdSocket: paths.uffdSocket,
      tls: true,
      ...wants,
    };
    if (waits) {
      await this.#servers.rewrite(this.#entry.session);
      return waits.connect();
    }
    this.#attach(await this.#servers.start(this.#entry.session));
  }

  /** Has a source see what its guest writes while its target prepares. */
  startEarly(wants: SessionWants): void {
    const started = this.start(wants).then(() => this.watch());
    this.#early = started.catch((error: Error) => this.#log('debug', { error: error.message }, 'not yet'));
  }

  /**
   * Finds a living page server again or starts one over the same session. That of a source is told that the memory stands,
   * whoever started it: nobody can know whether an earlier attempt, or an earlier life of this agent, came so far, and one
   * that was never told sends nothing.
   */
  async again(): Promise<void> {
    const { role, offer } = this.#entry;
    this.#stands = role === 'source' && movesPages(offer.engine);
    const server = this.#server ?? (await this.#found());
    const frozen = this.#stands ? await server.freeze() : undefined;
    if (frozen) this.#frozen(frozen);
  }

  async #found(): Promise<PageServer> {
    const found = await this.#servers.adopt(this.#entry.handoff);
    const server = found ?? (await this.#servers.start(this.#session()));
    if (!found) this.#timeline.startedAgain();
    this.#attach(server);
    return server;
  }

  /** Begins to see what the guest writes, for the order of its pages. Whatever becomes of it, the move goes on. */
  watch(): void {
    this.#server?.watch().catch(() => undefined);
  }

  async freeze(): Promise<void> {
    this.#stands = true;
    const frozen = await this.#must().freeze();
    // Before the guest stood, that is: then the map may be older than the memory.
    if (!frozen) throw new Error('the memory was frozen before');
    this.#frozen(frozen);
  }

  #frozen(frozen: Frozen): void {
    const by = frozen.writtenPages > 0 ? 'what the guest wrote' : 'what it touched first when it came here';
    this.#log('debug', frozen, `memory frozen${frozen.hotBlocks > 0 ? `, ordered by ${by}` : ''}`);
  }

  /**
   * The guest is known to run at its target: its memory is not needed here again, and goes page by page if this handoff was
   * begun so. Told again it changes nothing; what cannot be given back is kept to the end.
   */
  async release(): Promise<void> {
    const { session, handoff } = this.#entry;
    if (!session || !movesPages(session.engine) || session.earlyRelease !== 'on') return;
    await this.#server
      ?.release()
      .catch(error => this.#deps.log.warn({ handoff, error: String(error) }, 'source memory not given back'));
  }

  async resumed(): Promise<void> {
    await this.#server?.resumed();
  }

  /**
   * Whether pages are missing at this moment, by its figures; false while it does not answer. One that was started anew
   * and that no source has told of its pages yet has none: its guest waits with the first page of zeros.
   */
  async missing(): Promise<boolean> {
    const stats = await this.#server?.stats().catch(() => undefined);
    return stats !== undefined && (stats.dataPages === 0 || stats.pagesDone < stats.dataPages);
  }

  /** Where the target listens; resolves once it does. */
  listening(): Promise<{ host: string; port: number }> {
    return new Promise((resolve, reject) => {
      this.#must().on(event => {
        if (event.event === 'listening') resolve({ host: event.host, port: event.port });
        if (event.event === 'exit') reject(new Error(this.#lastError || 'the page server ended'));
      });
    });
  }

  async end(): Promise<void> {
    this.#ending = true;
    await this.#early;
    const server = this.#server ?? (await this.#servers.adopt(this.#entry.handoff));
    await server
      ?.stats()
      .then(stats => this.#keep(stats))
      .catch(() => undefined);
    await server?.end();
    this.#server = undefined;
    await this.#servers.remove(this.#entry.handoff);
  }

  #attach(server: PageServer): void {
    this.#server = server;
    server.on(event => this.#on(event));
  }

  #on(event: PageServerEvent): void {
    if (event.event === 'peer') this.#link(event.up, event.detail);
    if (event.event === 'peer' && event.up) this.#up();
    else if (event.event === 'watch') this.#watched(event.on, event.detail);
    // One that is started again must be where the source was told to look for it.
    else if (event.event === 'listening') this.#session().port = event.port;
    else if (event.event === 'warmed') this.#warmed(event);
    else if (event.event === 'progress') {
      this.#keep(event.stats);
      this.#listener.progress(event.stats);
    } else if (event.event === 'complete') {
      this.#complete = true;
      this.#keep(event.stats);
      this.#listener.complete(event.stats);
    } else if (event.event === 'error') {
      const { code, message, fatal } = event;
      this.#lastError = message;
      this.#log('warn', { code, fatal, error: message }, 'the page server reports an error');
    } else if (event.event === 'exit') {
      this.#server = undefined;
      if (this.#linked) this.#link(false, 'the page server ended');
      if (!this.#ending)
        this.#listener.gone(`the page server ended: ${this.#lastError || 'no reason given'}`);
    }
  }

  #link(up: boolean, detail: string): void {
    const { linkLostAtMs } = this.#timeline;
    const lostAtMs = linkLostAtMs < 0 ? this.#deps.clock.nowMs() : linkLostAtMs;
    // Behind the last page nobody waits for a link.
    const isOver = up || this.#complete || this.#ending;
    this.#timeline.linkLostAtMs = isOver ? -1 : lostAtMs;
    if (!up && this.#linked) this.#log('debug', { detail }, 'the page servers lost their link');
    this.#linked = up;
  }

  #watched(on: boolean, detail: string): void {
    if (on) this.#log('debug', {}, 'writes of the guest are seen');
    else this.#log('info', { detail }, 'writes of the guest are not seen');
  }

  #log(level: keyof Logger, fields: object, message: string): void {
    const { handoff, role, peer, offer } = this.#entry;
    this.#deps.log[level]({ handoff, role, peer, vm: offer.spec.name, ...fields }, message);
  }

  #up(): void {
    const { role, offer } = this.#entry;
    // Nothing goes ahead of a switch that has come: it would overwrite what the guest has written at its target.
    if (role === 'target' || offer.engine !== 'warm' || this.#stands) return this.#listener.up();
    this.#must()
      .warm()
      .catch((error: Error) => this.#listener.gone(error.message));
  }

  #warmed({ event, ...figures }: PageServerEvent & { event: 'warmed' }): void {
    this.#log('debug', figures, 'the memory has gone ahead of the switch');
    this.#listener.up();
  }

  #keep(stats: PageStats): void {
    this.#timeline.keep(stats, this.#deps.clock.nowMs());
  }

  #session(): SessionFile {
    const { session } = this.#entry;
    if (session) return session;
    const paths = this.#paths;
    if (!paths) throw new Error('the page server was never started');
    return paths as unknown as SessionFile;
  }

  #must(): PageServer {
    if (!this.#server) throw new Error(this.#lastError || 'the page server is gone');
    return this.#server;
  }
}
