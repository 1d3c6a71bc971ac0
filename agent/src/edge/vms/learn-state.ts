/** Whether the guest of an adopted VMM runs: asked until it answers, since its monitor may be deaf for now. */
import { type Clock, sleep } from '../clock.ts';
import type { Vmm } from '../vmm/types.ts';
import type { OwnedVm } from './record.ts';

const AGAIN_MS = 1000;
/** A monitor answers in milliseconds; a deaf one must not hold up the start of the agent. */
const PATIENCE_MS = 1000;

/** Resolves when the state of `owned` is that of its guest, or after a while; then it is so later. */
export async function learnState(owned: OwnedVm, vmm: Vmm, clock: Clock): Promise<void> {
  owned.state = 'paused';
  const learnt = ask(vmm, clock, running => {
    owned.state = running ? 'running' : 'paused';
  });
  await Promise.race([learnt, sleep(clock, PATIENCE_MS, 'idle')]);
}

/** Resolves when it is known, or when the VMM is gone. */
async function ask(vmm: Vmm, clock: Clock, known: (running: boolean) => void): Promise<void> {
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
