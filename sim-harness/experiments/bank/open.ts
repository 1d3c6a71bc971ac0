/** Whether a bank is open. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ShoalError } from '@shoal/agent';
import { requestOf } from './requests.ts';

/** It makes its accounts first, under emulation, perhaps beside another one that does. */
const OPEN_MS = 180_000;
const ASK_EVERY_MS = 1000;

/** Resolves once it answers a page. Rejects with SHOAL_EXPERIMENT_BANK. */
export async function answers(origin: string, cost: number): Promise<void> {
  const url = `${origin}${requestOf('login', 1, cost).path}`;
  let said = '';
  for (const untilMs = Date.now() + OPEN_MS; Date.now() < untilMs; await sleep(ASK_EVERY_MS)) {
    try {
      const { ok, status } = await fetch(url, { signal: AbortSignal.timeout(ASK_EVERY_MS * 10) });
      if (ok) return;
      said = `status ${status}`;
    } catch (error) {
      said = (error as Error).message;
    }
  }
  throw new ShoalError('SHOAL_EXPERIMENT_BANK', `no page in ${OPEN_MS / 1000} s: ${said}`, url, '');
}
