/**
 * The run ledger of VMMs that keep none: every QEMU of a chaos run has a second monitor, for checkers alone, and says on
 * it when its guest stops and runs (QMP STOP and RESUME, QEMU qapi/run-state.json; each with QEMU's own time). What was
 * before the first connection is asked for (`query-status`).
 */
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Note } from './ledger.ts';
import { keep, type Ledgers } from './ledger-files.ts';
import type { VmmProcess } from './proc.ts';
import { monotonicNs } from './violation.ts';

const ASK_EVERY_MS = 250;
const LOOK_EVERY_MS = 25;

type Line = {
  event?: string;
  timestamp?: { seconds: number; microseconds: number };
  id?: string;
  return?: { status?: string };
};

export class Monitors implements Ledgers {
  readonly #dir: string;
  readonly #processes: () => VmmProcess[];
  readonly #notes = new Map<string, Note[]>();
  readonly #open = new Map<number, Socket>();
  readonly #timers: NodeJS.Timeout[];
  /** Wall clock, by which QEMU stamps, less CLOCK_MONOTONIC, ns. */
  readonly #aheadNs = Date.now() * 1e6 - monotonicNs();

  /** `dir`: sockets PID.qmp of all QEMUs; `processes`: VMMs by /proc. */
  constructor(dir: string, processes: () => VmmProcess[]) {
    this.#dir = dir;
    this.#processes = processes;
    const look = setInterval(() => this.#look(), LOOK_EVERY_MS);
    const ask = setInterval(() => this.#ask(), ASK_EVERY_MS);
    this.#timers = [look, ask];
  }

  notes(vm: string): Note[] {
    return this.#notes.get(vm) ?? [];
  }
  all(): Note[][] {
    return [...this.#notes.values()];
  }
  last(vm: string): Note | undefined {
    return this.#notes.get(vm)?.findLast(n => n.what !== 'loaded');
  }
  /** All is noted as it comes. */
  read(): void {}

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const socket of this.#open.values()) socket.destroy();
  }

  #look(): void {
    const fresh = readdirSync(this.#dir)
      .map(name => Number(/^(\d+)\.qmp$/.exec(name)?.[1]))
      .filter(pid => pid > 0 && !this.#open.has(pid));
    if (fresh.length === 0) return;
    const processes = this.#processes();
    for (const pid of fresh) {
      const vmm = processes.find(v => v.pid === pid);
      if (vmm) this.#connect(vmm);
    }
  }

  #connect(vmm: VmmProcess): void {
    const socket = connect(join(this.#dir, `${vmm.pid}.qmp`));
    this.#open.set(vmm.pid, socket);
    // A socket that is not listening yet, or no more: looked at again while its process lives.
    socket.on('error', () => this.#open.delete(vmm.pid));
    socket.on('close', () => this.#open.delete(vmm.pid));
    socket.write('{"execute":"qmp_capabilities"}\n');
    let rest = '';
    let lastNs = 0;
    socket.setEncoding('utf8');
    socket.on('data', (text: unknown) => {
      const lines = (rest + String(text)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines.filter(l => l.trim() !== ''))
        lastNs = this.#heard(vmm, JSON.parse(line) as Line, lastNs);
    });
  }

  /** `query-status`, with the moment of the question as its id. */
  #ask(): void {
    for (const socket of this.#open.values())
      if (socket.writable) socket.write(`{"execute":"query-status","id":"${monotonicNs()}"}\n`);
  }

  /** `lastNs`: of the last change that this QEMU told; what was asked before it says nothing of the time after. */
  #heard(vmm: VmmProcess, { event, timestamp, id, return: answer }: Line, lastNs: number): number {
    if (timestamp && (event === 'STOP' || event === 'RESUME')) {
      const atNs = (timestamp.seconds * 1e6 + timestamp.microseconds) * 1e3 - this.#aheadNs;
      this.#note(vmm, event === 'STOP' ? 'stand' : 'go', atNs);
      return atNs;
    }
    const askedNs = Number(id ?? 0);
    if (answer?.status === 'running' && askedNs > lastNs) this.#note(vmm, 'beat', askedNs);
    return lastNs;
  }

  #note({ pid, startTicks, name: vm, node, incoming }: VmmProcess, what: Note['what'], atNs: number): void {
    const notes = this.#notes.get(vm) ?? [];
    this.#notes.set(vm, notes);
    // A target takes over whatever ran last elsewhere; a cold start is a life of its own.
    const mine = notes.find(n => n.pid === pid)?.life;
    const before = notes.findLast(n => n.pid !== pid && n.atNs <= atNs)?.life;
    const life = mine ?? (incoming ? before : undefined) ?? `${pid}-${startTicks}`;
    keep(notes, { vm, node, pid, life, what, atNs });
  }
}
