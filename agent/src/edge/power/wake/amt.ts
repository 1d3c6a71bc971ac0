/** A wake by AMT (facts of its behaviour: docs/decisions/0026): look, ask, look again. It proves nothing; the node's own word does. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ShoalError } from '../../../errors.ts';
import type { Amt } from '../amt/amt.ts';
import { POWER_ON } from '../power-states.ts';
import type { WakeMethod } from '../types.ts';

/** The firmware takes up to 10 s for one request, and wants no second one meanwhile. */
const REQUEST_AGAIN_MS = 12_000;
const REQUESTS_MAX = 3;

export type AmtWakeDeps = {
  amt(): Promise<{ amt: Amt; close(): void }>;
  /** Between two looks. */
  lookMs: number;
  nowMs(): number;
  /** This credential was refused: nobody tries it again. */
  refused(): void;
};

export const amtWake = ({ amt: open, lookMs, nowMs, refused }: AmtWakeDeps): WakeMethod => ({
  name: 'amt',
  async wake(signal, taken) {
    const { amt, close } = await open();
    const seen: string[] = [];
    let last = -1;
    let requests = 0;
    let requestedAtMs = Number.NEGATIVE_INFINITY;
    try {
      while (!signal.aborted) {
        try {
          const state = await amt.state(signal);
          if (state !== last) seen.push(`state ${state}`);
          last = state;
          if (state === POWER_ON) {
            if (requests === 0 && (await amt.isSaving(signal)))
              seen.push(`out of standby: ${await amt.leaveSaving(signal)}`);
            return seen.join(', ');
          }
          if (requests < REQUESTS_MAX && nowMs() - requestedAtMs >= REQUEST_AGAIN_MS) {
            requests += 1;
            requestedAtMs = nowMs();
            const returned = await amt.wake(signal);
            if (returned === 0) taken();
            seen.push(`asked to wake: ${returned}`);
          }
        } catch (error) {
          if (!(error instanceof ShoalError)) throw error;
          if (error.code === 'SHOAL_AMT_PASSWORD') refused();
          // A management engine that dozes does not answer at first; one that is asked too early refuses.
          if (error.code !== 'SHOAL_AMT_UNREACHABLE' && error.code !== 'SHOAL_AMT_FAULT') throw error;
          if (seen.at(-1) !== error.message) seen.push(error.message);
        }
        await sleep(lookMs, undefined, { signal }).catch(() => undefined);
      }
    } finally {
      close();
    }
    throw new ShoalError(
      'SHOAL_WAKE_LATE',
      `it was not on in time (${seen.join(', ')})`,
      'AMT',
      'Look at the machine',
    );
  },
});
