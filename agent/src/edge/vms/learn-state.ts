/** Whether the guest of an adopted VMM runs: asked until it answers, since its monitor may be deaf for now. */
import { type Clock, sleep } from '../clock.ts';
import type { Vmm } from '../vmm/types.ts';

const AGAIN_MS = 1000;

/** Resolves when it is known, or when the VMM is gone. */
export async function learnState(vmm: Vmm, clock: Clock, known: (running: boolean) => void): Promise<void> {
  let gone = false;
  const off = vmm.on(event => {
    gone ||= event.kind === 'exit';
  });
  while (!gone) {
    const state = await vmm.runState().catch(() => undefined);
    if (state !== undefined) {
      known(state === 'running');
      break;
    }
    await sleep(clock, AGAIN_MS);
  }
  off();
}
