import type { Log } from './types.ts';

/** Subscribers of one event. One that throws is logged and disturbs neither the others nor the mesh. */
export class Listeners<Args extends unknown[]> {
  readonly #log: Log;
  readonly #all = new Set<(...args: Args) => void>();

  constructor(log: Log) {
    this.#log = log;
  }

  add(listener: (...args: Args) => void): () => void {
    this.#all.add(listener);
    return () => {
      this.#all.delete(listener);
    };
  }

  call(...args: Args): void {
    for (const listener of this.#all) {
      try {
        listener(...args);
      } catch (error) {
        this.#log.error({ event: 'mesh-listener', err: error }, 'a listener of the mesh failed');
      }
    }
  }
}
