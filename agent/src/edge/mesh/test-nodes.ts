/** For tests: real mesh nodes on loopback, each with its own state directory, all taken down by `stop`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadOrCreateIdentity } from './identity.ts';
import { createMesh } from './mesh.ts';
import type { Log, MeshOptions, PeerEntry, PeopledMesh, Validate } from './types.ts';

export type LogLine = { level: string; event: string; fields: Record<string, unknown> };

export type TestNode = {
  mesh: PeopledMesh;
  lines: LogLine[];
  reports: { author: string; text: string; waitedMs: number }[];
};

export class TestNodes {
  readonly #directory: Promise<string> = mkdtemp(join(tmpdir(), 'shoal-mesh-'));
  readonly #running = new Set<PeopledMesh>();
  #port = 0;

  /** Ids and addresses of nodes that are to be; ports free a moment ago on an address of this process alone. */
  async plan(...names: string[]): Promise<PeerEntry[]> {
    return Promise.all(
      names.map(async name => {
        const { peerId } = await loadOrCreateIdentity(await this.stateDir(name));
        this.#port += 1;
        const host = `127.${(process.pid >> 14) & 0xff}.${(process.pid >> 7) & 0x7f}.${1 + (process.pid & 0x7f)}`;
        return { id: peerId, addresses: [`/ip4/${host}/tcp/${20_000 + this.#port}`] };
      }),
    );
  }

  async stateDir(name: string): Promise<string> {
    return join(await this.#directory, name);
  }

  /** Starts the node that `plan` called `name`; its reports are text that begins with the author's id. */
  async start(
    name: string,
    own: PeerEntry,
    peers: PeerEntry[],
    more: Partial<MeshOptions> = {},
    validate?: Validate,
  ) {
    const lines: LogLine[] = [];
    const stateDir = await this.stateDir(name);
    const options = {
      stateDir,
      listen: own.addresses,
      announce: [],
      peers,
      reportIntervalMs: 1_000,
      ...more,
    };
    const mesh = await createMesh(options, { log: logInto(lines), validate: validate ?? authorMatches });
    this.#running.add(mesh);
    const node: TestNode = { mesh, lines, reports: [] };
    mesh.onReport((author, report, waitedMs) => node.reports.push({ author, text: text(report), waitedMs }));
    return node;
  }

  async stopOne(node: TestNode): Promise<void> {
    this.#running.delete(node.mesh);
    await node.mesh.stop();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running].map(mesh => mesh.stop()));
    this.#running.clear();
    await rm(await this.#directory, { recursive: true, force: true });
  }
}

export const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);
export const text = (value: Uint8Array): string => new TextDecoder().decode(value);

const authorMatches: Validate = (author, report) => (text(report).startsWith(author) ? 'accept' : 'reject');

/** Resolves when `condition` holds; rejects, saying what did not come true, after 10 s (far beyond what is expected). */
export async function until(what: string, condition: () => boolean, limitMs = 10_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

/** Runs `action` every 200 ms until `condition` holds. */
export async function repeatUntil(
  what: string,
  action: () => Promise<unknown>,
  condition: () => boolean,
  limitMs?: number,
): Promise<void> {
  let lastMs = Number.NEGATIVE_INFINITY;
  let running: Promise<unknown> = Promise.resolve();
  await until(
    what,
    () => {
      if (performance.now() - lastMs > 200) {
        lastMs = performance.now();
        running = action();
      }
      return condition();
    },
    limitMs,
  );
  await running;
}

function logInto(lines: LogLine[]): Log {
  const at = (level: string) => (fields: object) => {
    const known = fields as { event?: string };
    lines.push({ level, event: known.event ?? '', fields: fields as Record<string, unknown> });
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
