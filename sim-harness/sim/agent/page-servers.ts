/** The page servers of a node as one life of its agent holds them (`edge/pages/client.ts` is the real one). */
import { createHash } from 'node:crypto';
import type { PageServer, PageServerEvent, PageServers, PageStats, SessionFile } from '@shoal/agent';
import type { Frozen } from '@shoal/agent/edge/pages/types';
import { movesPages } from '@shoal/protocol';
import { PageProcess } from '../world/pages.ts';
import type { World } from '../world/world.ts';
import type { Life } from './life.ts';

const START_MS = [5, 40] as const;
const CONTROL_MS = [0.1, 2] as const;

class PageHandle implements PageServer {
  readonly handoff: string;
  readonly pid: number;
  readonly #life: Life;
  readonly #process: PageProcess;
  readonly #deaf: boolean;
  readonly #listeners = new Set<(event: PageServerEvent) => void>();
  /** Until somebody listens. */
  #early: PageServerEvent[] | undefined;
  #exited = false;

  constructor(world: World, life: Life, process: PageProcess) {
    this.#deaf = process.takesOver && world.plants.has('restarted-untold');
    this.handoff = process.session.handoff;
    this.pid = process.pid;
    this.#life = life;
    this.#process = process;
    this.#early = process.known();
    process.on(event => life.later(world.chance.between(0.05, 1), () => this.#tell(event)));
    if (!process.alive) life.later(1, () => this.#tell({ event: 'exit' }));
  }

  on(listener: (event: PageServerEvent) => void): () => void {
    this.#listeners.add(listener);
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const event of early) listener(event);
    return () => this.#listeners.delete(listener);
  }

  /** Here a page server is never started before its target listens: nobody asks for the order `hot`. */
  async connect(): Promise<void> {}

  /** Here no memory has contents, and no order. */
  async watch(): Promise<void> {}
  async release(): Promise<void> {}

  warm(): Promise<void> {
    return this.#do('warm', process => process.warm());
  }

  freeze(): Promise<Frozen | undefined> {
    const frozen = { dataBytes: 0, extents: 0, hotBlocks: 0, writtenPages: 0 };
    return this.#do('freeze', process => (!this.#deaf && process.freeze() ? frozen : undefined));
  }

  resumed(): Promise<void> {
    return this.#do('resumed', () => undefined);
  }

  stats(): Promise<PageStats> {
    return this.#do('stats', process => process.stats());
  }

  async end(): Promise<void> {
    if (this.#exited) return;
    await this.#life.call(`pages ${this.pid}`, 'quit', CONTROL_MS, () => this.#process.end('told to'));
    this.#tell({ event: 'exit' });
  }

  #do<T>(what: string, work: (process: PageProcess) => T): Promise<T> {
    return this.#life.call(`pages ${this.pid}`, what, CONTROL_MS, () => {
      if (!this.#process.alive) throw new Error(`the page server ended before ${what}`);
      return work(this.#process);
    });
  }

  #tell(event: PageServerEvent): void {
    if (this.#exited) return;
    if (event.event === 'exit') this.#exited = true;
    if (this.#early) this.#early.push(event);
    for (const listener of [...this.#listeners]) listener(event);
  }
}

export function simPageServers(world: World, life: Life): PageServers {
  const { machine } = life;
  const call = <T>(what: string, work: () => T) => life.call('sessions', what, START_MS, work);
  const dirOf = (handoff: string) => `/run/${machine.name}/h/${handoff.slice(0, 8)}`;
  const remove = (handoff: string) => {
    machine.sessions.get(handoff)?.process?.end('its directory was removed');
    machine.sessions.delete(handoff);
  };
  return {
    init: handoff =>
      call('session', () => {
        const certSha256 = createHash('sha256')
          .update(`${machine.id} ${handoff} ${world.nextPid()}`)
          .digest('hex');
        machine.sessions.set(handoff, { certSha256, file: undefined, process: undefined });
        const dir = dirOf(handoff);
        return { certSha256, dir, streamSocket: `${dir}/stream.sock`, uffdSocket: `${dir}/uffd.sock` };
      }),
    async start(file: SessionFile): Promise<PageServer> {
      const process = await call('page server', () => {
        const session = machine.sessions.get(file.handoff);
        if (!session) throw new Error(`no such directory: ${dirOf(file.handoff)}`);
        const ram = file.role === 'serve' && movesPages(file.engine);
        const [vmm] = [...machine.vmms.values()].filter(v => file.ramFile.includes(v.spec.vm));
        if (ram && !vmm && ![...machine.ram.keys()].some(vm => file.ramFile.includes(vm)))
          throw new Error('the page server did not start: no RAM file');
        const started = new PageProcess(world, machine, file, session.process !== undefined);
        session.file = file;
        session.process = started;
        return started;
      });
      return new PageHandle(world, life, process);
    },
    async rewrite(): Promise<void> {},
    async adopt(handoff): Promise<PageServer | undefined> {
      const process = await call('adopt', () => machine.sessions.get(handoff)?.process);
      return process?.alive ? new PageHandle(world, life, process) : undefined;
    },
    remove: handoff => call('remove', () => remove(handoff)),
    keepOnly: handoffs =>
      call('clear', () => {
        for (const handoff of [...machine.sessions.keys()]) if (!handoffs.includes(handoff)) remove(handoff);
      }),
  };
}
