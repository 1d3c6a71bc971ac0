/**
 * Hears of each step of each handoff from the agents' logs, within a few ms: only the moment of a fault hangs on it,
 * never a verdict. And of each crash of a VM: what an agent says of it binds the agent.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Lab } from '../lab/index.ts';
import type { Crash } from './checks/crashes.ts';

export type Step = { node: string; handoff: string; role: 'source' | 'target'; vm: string; state: string };

/** A look costs four calls of fstat; a state of a handoff lasts some ms to some hundred. */
const LOOK_EVERY_MS = 5;

export class Steps {
  readonly #files: { node: string; fd: number; offset: number; rest: string }[];
  readonly #listeners = new Set<(step: Step) => void>();
  readonly #timer: NodeJS.Timeout;
  /** In the order in which each node told of them. */
  readonly crashes: Crash[] = [];

  constructor(lab: Lab) {
    this.#files = lab.nodes.map(n => ({ node: n.name, fd: openSync(n.state.log, 'r'), offset: 0, rest: '' }));
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  on(listener: (step: Step) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const { fd } of this.#files) closeSync(fd);
  }

  #look(): void {
    for (const file of this.#files) {
      const bytes = fstatSync(file.fd).size - file.offset;
      if (bytes <= 0) continue;
      const buffer = Buffer.alloc(bytes);
      const got = readSync(file.fd, buffer, 0, bytes, file.offset);
      file.offset += got;
      const lines = (file.rest + buffer.toString('utf8', 0, got)).split('\n');
      file.rest = lines.pop() ?? '';
      for (const line of lines) {
        const step = stepOf(file.node, line);
        if (step) for (const listener of [...this.#listeners]) listener(step);
        const crash = crashOf(file.node, line);
        if (crash) this.crashes.push(crash);
      }
    }
  }
}

/** Undefined for any other line of a log. Pure. */
export function stepOf(node: string, line: string): Step | undefined {
  if (!line.endsWith('"msg":"handoff step"}')) return undefined;
  const { handoff, role, vm, to } = JSON.parse(line) as Record<string, string>;
  if (!handoff || !vm || !to || (role !== 'source' && role !== 'target')) return undefined;
  return { node, handoff, role, vm, state: to };
}

/** Undefined for any other line of a log. Pure. */
export function crashOf(node: string, line: string): Crash | undefined {
  if (!/"msg":"VM (crashed|lost its memory)"}$/.test(line)) return undefined;
  const { vm, action, time } = JSON.parse(line) as Record<string, string>;
  if (!vm || !time || (action !== 'restart' && action !== 'leave')) return undefined;
  return { node, vm, action, atMs: Date.parse(time) };
}
