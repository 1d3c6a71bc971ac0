/** Reads the run ledgers as they grow. Beats that follow each other say nothing new and are kept as one. */
import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { type Counted, type Note, parseNotes } from './ledger.ts';

/** Who executed which VM when, by its name. */
export interface Ledgers {
  notes(vm: string): Note[];
  /** All of each VM so far, oldest first. */
  all(): Note[][];
  /** Who executed it last, as far as was read. */
  last(vm: string): Note | undefined;
  read(): void;
  close(): void;
}

export class LedgerFiles implements Ledgers {
  readonly #dir: string;
  readonly #at = new Map<string, { offset: number; rest: string }>();
  readonly #notes = new Map<string, Counted[]>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  notes(vm: string): Counted[] {
    return this.#notes.get(vm) ?? [];
  }

  all(): Counted[][] {
    return [...this.#notes.values()];
  }

  last(vm: string): Counted | undefined {
    return this.#notes.get(vm)?.findLast(n => n.what !== 'loaded');
  }

  close(): void {}

  read(): void {
    for (const vm of readdirSync(this.#dir)) this.#readOne(vm);
  }

  #readOne(vm: string): void {
    const at = this.#at.get(vm) ?? { offset: 0, rest: '' };
    const file = openSync(join(this.#dir, vm), 'r');
    try {
      const bytes = Buffer.alloc(Math.max(0, fstatSync(file).size - at.offset));
      const got = readSync(file, bytes, 0, bytes.length, at.offset);
      const text = at.rest + bytes.toString('latin1', 0, got);
      const end = text.lastIndexOf('\n') + 1;
      this.#at.set(vm, { offset: at.offset + got, rest: text.slice(end) });
      const notes = this.#notes.get(vm) ?? [];
      this.#notes.set(vm, notes);
      for (const note of parseNotes(vm, text.slice(0, end))) keepCounted(notes, note);
    } finally {
      closeSync(file);
    }
  }
}

/** Kept apart wherever a checker could see something in the difference: work that became less, a page found wrong. */
export const keepCounted = (notes: Counted[], note: Counted): void =>
  keep(notes, note, last => last.work <= note.work && last.bad === note.bad);

/** `alike`: of two beats of one process, that no checker sees more in both than in the later one. */
export function keep<N extends Note>(notes: N[], note: N, alike: (last: N) => boolean = () => true): void {
  const last = notes.at(-1);
  const same =
    last?.what === 'beat' &&
    note.what === 'beat' &&
    last.pid === note.pid &&
    last.life === note.life &&
    last.atNs <= note.atNs &&
    alike(last);
  if (same) notes[notes.length - 1] = note;
  else notes.push(note);
}
