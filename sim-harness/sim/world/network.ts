/**
 * The network between nodes: datagrams that are late, lost, doubled or overtaken, and links that are cut, one way or
 * both. A frame of the real mesh is TCP's, in order and not doubled; across reconnects it may be any of this.
 */
import type { Odds } from './chance.ts';
import type { Time } from './time.ts';

export type Weather = {
  /** Shares of all messages. */
  loss: number;
  duplicate: number;
  /** Comes up to `LATE_MS` late, so that others overtake it. */
  late: number;
};

export const CALM: Weather = { loss: 0, duplicate: 0, late: 0 };
const LATE_MS = 4000;
/** One way, a switch between: tenths of a millisecond, sometimes more. */
const DELAY_MS: [number, number] = [0.1, 2];

export class Network {
  weather: Weather = CALM;
  readonly #time: Time;
  readonly #chance: Odds;
  readonly #cuts = new Set<string>();
  /** Gossip alone is lost on these ways. */
  readonly deaf = new Set<string>();
  readonly #listeners: (() => void)[] = [];
  readonly injected: (kind: string) => void;

  constructor(time: Time, chance: Odds, injected: (kind: string) => void) {
    this.#time = time;
    this.#chance = chance;
    this.injected = injected;
  }

  /** Called after every cut and heal. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
    for (const listener of this.#listeners) listener();
  }

  heal(from: string, to: string): void {
    this.#cuts.delete(`${from}>${to}`);
    for (const listener of this.#listeners) listener();
  }

  healAll(): void {
    this.#cuts.clear();
    this.deaf.clear();
    for (const listener of this.#listeners) listener();
  }

  passes(from: string, to: string): boolean {
    return !this.#cuts.has(`${from}>${to}`);
  }

  /** TCP needs both ways. */
  connects(a: string, b: string): boolean {
    return this.passes(a, b) && this.passes(b, a);
  }

  /** Calls `arrive` once, twice or never. */
  carry(from: string, to: string, arrive: () => void): void {
    if (!this.passes(from, to)) return;
    const { loss, duplicate, late } = this.weather;
    if (this.#hit('loss', loss)) return;
    const copies = this.#hit('duplicate', duplicate) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const lateMs = this.#hit('late', late) ? this.#chance.between(0, LATE_MS) : 0;
      // What a cut catches under way is lost too.
      this.#time.after(this.#chance.between(...DELAY_MS) + lateMs, () => {
        if (this.passes(from, to)) arrive();
      });
    }
  }

  #hit(kind: string, share: number): boolean {
    if (!this.#chance.happens(share)) return false;
    this.injected(kind);
    return true;
  }
}
