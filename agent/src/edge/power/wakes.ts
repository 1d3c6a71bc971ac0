/** Calls of sleeping nodes: their methods one after the other, again and again, until the node says something or time is over. */
import { ShoalError } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { WakeMethod } from './types.ts';

/** One method's time before the next is tried. AMT dozes for up to a minute, but it is called again. */
const METHOD_MS = 20_000;
/** Between two tries of what fails at once. */
const AGAIN_MS = 1_000;

export type WakesDeps = {
  methods(name: string): WakeMethod[];
  clock: Clock;
  log: Logger;
};

/** `method`: the last one whose request was taken; empty: none. `incarnation`: of the life that sleeps. */
export type Call = { startedAtMs: number; method: string; incarnation: number };

export class Wakes {
  readonly #deps: WakesDeps;
  readonly #calls = new Map<string, Call & { abort: AbortController }>();

  constructor(deps: WakesDeps) {
    this.#deps = deps;
  }

  /** Of a call that is under way. */
  of(node: string): Call | undefined {
    return this.#calls.get(node);
  }

  begin(node: string, name: string, incarnation = 0): void {
    this.end(node);
    const abort = new AbortController();
    const call = { startedAtMs: this.#deps.clock.nowMs(), method: '', incarnation, abort };
    this.#calls.set(node, call);
    void this.#call(name, call, abort.signal);
  }

  end(node: string): void {
    this.#calls.get(node)?.abort.abort();
    this.#calls.delete(node);
  }

  stop(): void {
    for (const node of [...this.#calls.keys()]) this.end(node);
  }

  async #call(name: string, call: Call, over: AbortSignal): Promise<void> {
    const { log, methods } = this.#deps;
    let open = methods(name);
    if (open.length === 0) log.warn({ node: name }, 'no way to wake this node is configured (power.wake)');
    while (open.length > 0 && !over.aborted) {
      const hopeless: WakeMethod[] = [];
      for (const method of open) {
        if (over.aborted) return;
        if (!(await this.#try(name, method, call, over))) hopeless.push(method);
      }
      open = open.filter(method => !hopeless.includes(method));
      if (open.length > 0) await this.#pause(AGAIN_MS, over);
    }
  }

  /** False: there is no sense in trying it again. */
  async #try(node: string, method: WakeMethod, call: Call, over: AbortSignal): Promise<boolean> {
    const { log, clock } = this.#deps;
    const mine = new AbortController();
    const stop = () => mine.abort();
    over.addEventListener('abort', stop);
    const untilMs = clock.nowMs() + METHOD_MS;
    const off = clock.after(METHOD_MS, stop);
    try {
      const taken = () => {
        call.method = method.name;
      };
      // A method that does not heed its signal must not stand in the way of the next.
      const seen = await Promise.race([method.wake(mine.signal, taken), ended(mine.signal, node)]);
      log.info({ node, method: method.name }, `called: ${seen}`);
      // It may be on its way: nobody else is asked before this method's time is over.
      await this.#pause(untilMs - clock.nowMs(), over);
      return true;
    } catch (error) {
      if (over.aborted) return true;
      const ours = error instanceof ShoalError;
      const words = ours ? error.line() : String(error);
      log.warn({ node, method: method.name, code: ours ? error.code : '' }, `not woken so: ${words}`);
      return !(ours && HOPELESS.has(error.code));
    } finally {
      off();
      over.removeEventListener('abort', stop);
    }
  }

  #pause(ms: number, over: AbortSignal): Promise<void> {
    if (over.aborted) return Promise.resolve();
    return new Promise(resolve => {
      const off = this.#deps.clock.after(Math.max(0, ms), resolve);
      over.addEventListener(
        'abort',
        () => {
          off();
          resolve();
        },
        { once: true },
      );
    });
  }
}

const ended = (signal: AbortSignal, node: string): Promise<never> =>
  new Promise((_, reject) => {
    const late = () =>
      reject(new ShoalError('SHOAL_WAKE_LATE', 'its time is over', node, 'Look at the machine'));
    signal.addEventListener('abort', () => setImmediate(late), { once: true });
  });

/** A password that was refused must not be tried twice: the firmware counts. */
const HOPELESS = new Set(['SHOAL_AMT_PASSWORD', 'SHOAL_AMT_IMPOSTOR', 'SHOAL_AMT_MARKED']);
