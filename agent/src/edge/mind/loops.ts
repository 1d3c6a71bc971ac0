/** Repeats work at a steady pace without ever overlapping itself; a round that throws is logged and the next one runs. */
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';

export type Loop = { stop(): Promise<void>; soon(): void };

/**
 * Runs `round` every `periodMs`, measured from start to start. `soon` brings the next round forward: something
 * changed that others should hear of. A round that took longer than the period is followed at once by the next.
 */
export function startLoop(
  name: string,
  periodMs: number,
  round: () => Promise<void>,
  deps: { clock: Clock; log: Logger },
): Loop {
  let stopped = false;
  let cancel = (): void => undefined;
  let running: Promise<void> = Promise.resolve();
  let again = false;
  let busy = false;

  const run = (): void => {
    const startedMs = deps.clock.nowMs();
    busy = true;
    running = round()
      .catch(error => deps.log.error({ loop: name, error: String(error?.stack ?? error) }, 'round failed'))
      .then(() => {
        busy = false;
        if (stopped) return;
        const waitMs = again ? 0 : Math.max(0, periodMs - (deps.clock.nowMs() - startedMs));
        again = false;
        cancel = deps.clock.after(waitMs, run);
      });
  };
  run();
  return {
    async stop() {
      stopped = true;
      cancel();
      await running;
    },
    soon() {
      if (busy) again = true;
      else if (!stopped) {
        cancel();
        run();
      }
    },
  };
}
