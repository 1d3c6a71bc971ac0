/** Starts the bank in a guest whose disk has its files (guest-files.ts). */
import { setTimeout as sleep } from 'node:timers/promises';
import { ShoalError } from '@shoal/agent/errors';
import type { GuestPort } from '../../lab/index.ts';
import { JOB } from './guest-files.ts';
import { PORT, requestOf } from './requests.ts';

/** The first time it makes its accounts before. */
const READY_MS = 120_000;
const LOOK_EVERY_MS = 500;
const ANSWER_MS = 5000;
/** Each of its workers reads its program once, at the first page that it makes. */
const WARM_UP_PAGES = 16;

export const originOf = (address: string): string => `http://${address}:${PORT}`;

/** Resolves when it answers at its own address. Throws SHOAL_EXPERIMENT_BANK. */
export async function startBank(guest: GuestPort, origin: string): Promise<void> {
  await guest.startJob(JOB);
  const untilMs = Date.now() + READY_MS;
  while (!(await isOpen(origin))) {
    const job = await guest.job(JOB);
    const fault =
      job.state === 'done' ? `its job ended with ${job.code}` : `it did not answer in ${READY_MS} ms`;
    if (job.state === 'done' || Date.now() > untilMs)
      throw new ShoalError('SHOAL_EXPERIMENT_BANK', fault, origin, `See /var/log/${JOB} on the guest's disk`);
    await sleep(LOOK_EVERY_MS);
  }
  await Promise.all(Array.from({ length: WARM_UP_PAGES }, () => isOpen(origin)));
}

async function isOpen(origin: string): Promise<boolean> {
  const { method, path, body } = requestOf('login', 0, 0);
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const signal = AbortSignal.timeout(ANSWER_MS);
  try {
    const answer = await fetch(`${origin}${path}`, { method, body, headers, signal });
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    return false;
  }
}
