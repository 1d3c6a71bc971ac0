/** What `testing.ts` has its two nodes stand on: chance from one seed, a network that loses and doubles, two journals. */
import { chance, type Faults } from '../testing-faults.ts';

export type Side = 'source' | 'target';
type Task = { to: Side; life: number; run(): void; message: boolean };

export class Sides {
  faults: Faults;
  readonly up = { source: true, target: true };
  readonly journal = { source: { record: 'none', wanted: '' }, target: { record: 'none', wanted: '' } };
  readonly #random: () => number;
  readonly #life = { source: 0, target: 0 };
  readonly #writes: Record<Side, (() => void)[]> = { source: [], target: [] };
  #tasks: Task[] = [];

  constructor(seed: number, faults: Faults) {
    this.#random = chance(seed);
    this.faults = faults;
  }

  get idle(): boolean {
    return this.#tasks.length === 0;
  }
  coin(): boolean {
    return this.#random() < 0.5;
  }
  happens(share: number): boolean {
    return share > 0 && this.#random() < share;
  }

  /** A message outlives the agent that sent it and the one that it is for; nothing else does. */
  later(to: Side, run: () => void, message = false): void {
    this.#tasks.push({ to, life: this.#life[to], run, message });
  }

  /** One of the things that are due, whichever. */
  next(): void {
    const [task] = this.#tasks.splice(Math.floor(this.#random() * this.#tasks.length), 1);
    if (!task || !this.up[task.to] || (task.life !== this.#life[task.to] && !task.message)) return;
    if (task.message && this.happens(this.faults.loss)) return;
    if (task.message && this.happens(this.faults.duplicate)) this.#tasks.push({ ...task });
    task.run();
  }

  /** `tell` hears what the journal says to the state that waits for that record. */
  write(side: Side, effect: string, tell: (event: 'written' | 'write-failed', record: string) => void): void {
    const journal = this.journal[side];
    if (effect !== 'write-again') journal.wanted = effect.slice('write-'.length);
    const record = journal.wanted;
    this.#inOrder(side, () => {
      const fails = this.happens(this.faults.writeFails);
      // Not synced as far as anybody knows, and yet it may be there.
      if (!fails || this.coin()) journal.record = record;
      if (fails) tell('write-failed', record);
      else if (journal.wanted === record) tell('written', record);
    });
  }

  forget(side: Side): void {
    this.#inOrder(side, () => {
      this.journal[side].record = 'none';
    });
  }

  /** One journal write after the other, as they were asked for. */
  #inOrder(side: Side, write: () => void): void {
    this.#writes[side].push(write);
    this.later(side, () => this.#writes[side].shift()?.());
  }

  crash(side: Side): void {
    this.up[side] = false;
    this.#life[side] += 1;
    this.#writes[side] = [];
  }

  /** What the starting agent reads. */
  restart(side: Side): string {
    const journal = this.journal[side];
    this.up[side] = true;
    journal.wanted = journal.record;
    return journal.record;
  }
}
