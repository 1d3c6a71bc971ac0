/**
 * The run ledger of VMMs that keep none: every QEMU of a chaos run has a second monitor, for checkers alone, and writes
 * there when its guest stops and runs (QMP STOP and RESUME, QEMU qapi/run-state.json; each with QEMU's own time). The
 * file is there before it and after it: one that was killed a moment after its first step has said so all the same.
 * Between two events it is asked (`query-status`).
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Note } from './ledger.ts';
import { keep, type Ledgers } from './ledger-files.ts';
import { AT_START, END } from './monitored-qemu.ts';
import { type Places, startTicksOf, type VmmProcess, vmmOf } from './proc.ts';
import { monotonicNs } from './violation.ts';

/** Of a start time in /proc (proc(5), sysconf(_SC_CLK_TCK)); counted from the boot, as CLOCK_MONOTONIC is without suspends. */
const TICK_NS = 1e7;
const ASK_EVERY_MS = 250;
const LOOK_EVERY_MS = 25;

type Line = {
  event?: string;
  timestamp?: { seconds: number; microseconds: number };
  id?: string;
  return?: { status?: string };
  data?: { status?: string };
};

/** `questions`: undefined of one that had ended before it was found. `lastNs`: of the last change that it told. */
type Monitor = {
  vmm: VmmProcess;
  questions: number | undefined;
  out: number;
  offset: number;
  rest: string;
  lastNs: number;
};

export class Monitors implements Ledgers {
  readonly #dir: string;
  readonly #places: Places;
  readonly #notes = new Map<string, Note[]>();
  readonly #open = new Map<string, Monitor>();
  readonly #timers: NodeJS.Timeout[];
  /** Wall clock, by which QEMU stamps, less CLOCK_MONOTONIC, ns. */
  readonly #aheadNs = Date.now() * 1e6 - monotonicNs();

  /** `dir`: where the QEMUs of `monitoredQemu` have their files. */
  constructor(dir: string, places: Places) {
    this.#dir = dir;
    this.#places = places;
    const look = setInterval(() => this.read(), LOOK_EVERY_MS);
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

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const monitor of this.#open.values()) this.#drop(monitor);
    this.#open.clear();
  }

  /** All that was written so far. */
  read(): void {
    for (const name of readdirSync(this.#dir)) {
      const base = /^(\d+-\d+)\.args$/.exec(name)?.[1];
      if (base && !this.#open.has(base)) this.#found(base);
    }
    for (const [base, monitor] of this.#open) {
      const { pid, startTicks } = monitor.vmm;
      const alive = startTicksOf(pid) === startTicks;
      if (this.#hearAll(monitor) > 0 || alive) continue;
      this.#drop(monitor);
      this.#open.delete(base);
      // What it said is kept with the logs.
      rmSync(join(this.#dir, `${base}.in`), { force: true });
      renameSync(join(this.#dir, `${base}.args`), join(this.#dir, `${base}.was`));
    }
  }

  #found(base: string): void {
    const at = join(this.#dir, base);
    const words = readFileSync(`${at}.args`, 'utf8').split('\0').slice(0, -1);
    if (words.at(-1) !== END) return;
    const [pid, startTicks = ''] = base.split('-');
    const vmm = vmmOf(words, this.#places);
    if (!vmm)
      throw new Error(`a QEMU with the monitor of a chaos run is none of its VMs: ${words.join(' ')}`);
    this.#open.set(base, {
      vmm: { pid: Number(pid), startTicks, ...vmm },
      questions: pipe(`${at}.in`),
      out: openSync(`${at}.out`, 'r'),
      ...{ offset: 0, rest: '', lastNs: 0 },
    });
  }

  #drop({ questions, out }: Monitor): void {
    closeSync(out);
    if (questions !== undefined) closeSync(questions);
  }

  /** Bytes that were new. */
  #hearAll(monitor: Monitor): number {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(monitor.out).size - monitor.offset));
    const got = readSync(monitor.out, bytes, 0, bytes.length, monitor.offset);
    monitor.offset += got;
    const lines = (monitor.rest + bytes.toString('latin1', 0, got)).split('\n');
    monitor.rest = lines.pop() ?? '';
    for (const line of lines.filter(l => l.trim() !== ''))
      monitor.lastNs = this.#heard(monitor.vmm, JSON.parse(line) as Line, monitor.lastNs);
    return got;
  }

  /** `query-status`, with the moment of the question as its id. */
  #ask(): void {
    for (const { questions } of this.#open.values())
      if (questions !== undefined) said(questions, `{"execute":"query-status","id":"${monotonicNs()}"}\n`);
  }

  /** `lastNs`: of the last change that this QEMU told; what was asked before it says nothing of the time after. */
  #heard(vmm: VmmProcess, { event, timestamp, id, return: answer, data }: Line, lastNs: number): number {
    const atNs = timestamp
      ? (timestamp.seconds * 1e6 + timestamp.microseconds) * 1e3 - this.#aheadNs
      : undefined;
    // A target has the whole state (QEMU qapi/migration.json, MIGRATION; the agent asks for these events, every monitor gets them).
    if (atNs !== undefined && event === 'MIGRATION' && vmm.incoming && data?.status === 'completed')
      if (!this.#notes.get(vmm.name)?.some(n => n.pid === vmm.pid)) this.#note(vmm, 'loaded', atNs);
    if (atNs !== undefined && (event === 'STOP' || event === 'RESUME')) {
      this.#note(vmm, event === 'STOP' ? 'stand' : 'go', atNs);
      return atNs;
    }
    const askedNs = id === AT_START ? Number(vmm.startTicks) * TICK_NS : Number(id ?? 0);
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

/** Undefined when nobody has its other end: its QEMU is gone. */
function pipe(path: string): number | undefined {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') return undefined;
    throw error;
  }
}

/** A QEMU that has stood for minutes has questions enough; one that has ended needs none. */
function said(questions: number, line: string): void {
  try {
    writeSync(questions, line);
  } catch (error) {
    if (!['EAGAIN', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
