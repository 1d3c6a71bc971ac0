/** Ends a guest: asked first, then by force. */
import type { Clock } from '../clock.ts';
import type { Vmm } from '../vmm/types.ts';

/** Resolves when its VMM is gone. `forced`: the guest did not power down within `patienceMs`. */
export async function powerOff(vmm: Vmm, patienceMs: number, clock: Clock): Promise<{ forced: boolean }> {
  let forced = false;
  const gone = new Promise<void>(resolve => {
    const off = vmm.on(event => {
      if (event.kind !== 'exit') return;
      off();
      resolve();
    });
  });
  const calm = clock.after(patienceMs, () => {
    forced = true;
    void vmm.end();
  });
  // A monitor that is deaf cannot pass the word on; the guest's time runs all the same.
  vmm.powerdown().catch(() => undefined);
  await gone;
  calm();
  return { forced };
}
