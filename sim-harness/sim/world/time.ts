/**
 * Virtual time: one queue of events, ordered by time and by the order in which they were asked for. All that an event
 * sets going by promises is carried out before the next one: nothing waits for the machine, so a run is the same on
 * every machine.
 */
type Event = { atMs: number; order: number; run: (() => void) | undefined };

/** Node's own queues get a turn this often: unhandled rejections are told then. */
const TURN_EVERY = 2000;

export class Time {
  nowMs = 0;
  /** Events so far; for figures. */
  count = 0;
  #order = 0;
  readonly #heap: Event[] = [];
  #stopped = false;

  /** Returns the function that calls it off. */
  after(ms: number, run: () => void): () => void {
    return this.at(this.nowMs + Math.max(0, ms), run);
  }

  /** The same at a moment that is not past. */
  at(atMs: number, run: () => void): () => void {
    const event: Event = { atMs, order: this.#order++, run };
    this.#push(event);
    return () => {
      event.run = undefined;
    };
  }

  /** Ends the present `runUntil` after this event. */
  stop(): void {
    this.#stopped = true;
  }

  /** Rejects with what an event threw. */
  runUntil(endMs: number): Promise<void> {
    this.#stopped = false;
    return new Promise((resolve, reject) => {
      const next = (): void => {
        const event = this.#stopped ? undefined : this.#pop(endMs);
        if (!event) {
          if (!this.#stopped) this.nowMs = endMs;
          setImmediate(resolve);
          return;
        }
        this.nowMs = event.atMs;
        this.count += 1;
        try {
          event.run?.();
        } catch (error) {
          reject(error);
          return;
        }
        // A tick that is asked for by a microtask comes after all microtasks (Node's processTicksAndRejections).
        if (this.count % TURN_EVERY === 0) setImmediate(next);
        else queueMicrotask(() => process.nextTick(next));
      };
      process.nextTick(next);
    });
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let i = heap.push(event) - 1;
    for (; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (!before(event, heap[parent] as Event)) break;
      heap[i] = heap[parent] as Event;
      i = parent;
    }
    heap[i] = event;
  }

  /** The next event that was not called off, at `endMs` at the latest. */
  #pop(endMs: number): Event | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (!top || top.atMs > endMs) return undefined;
      this.#removeTop();
      if (top.run) return top;
    }
  }

  #removeTop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Event, heap[child] as Event)) child += 1;
      if (!before(heap[child] as Event, last)) break;
      heap[i] = heap[child] as Event;
      i = child;
    }
    heap[i] = last;
  }
}

const before = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
