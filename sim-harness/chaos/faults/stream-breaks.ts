/** Which faults break the one stream of a handoff by QEMU's own post-copy (docs/design/qemu-postcopy.md, What dies). Pure. */
import type { Kind } from './kinds.ts';

/** `its`: of the handoff that it was dealt for; `link`: of every one between those two nodes; `room`: away from that node, and to it while its QEMU loads. */
export type Breaks = 'its' | 'link' | 'room' | 'none';

/**
 * The stream goes from QEMU through both page servers to QEMU: the death of one of these four breaks it, and a cut that
 * outlasts the 5 s of TCP_USER_TIMEOUT. A process that only stands does so for less, and agents are not on the way. A
 * source that sends its pages reads the holes in its memory as well, which tmpfs fills to be read: without room it dies of
 * SIGBUS. A target without room only waits for some, once it has loaded; before, its QEMU ends.
 */
export const BREAKS_STREAM: Readonly<Record<Kind, Breaks>> = {
  'agent-kill-source': 'none',
  'agent-kill-target': 'none',
  'agent-stop': 'none',
  'pages-kill': 'its',
  'pages-stop': 'none',
  'vmm-kill-source': 'its',
  'vmm-kill-target': 'its',
  'vmm-stop': 'none',
  'link-cut': 'link',
  'link-cut-one-way': 'link',
  'journal-full': 'none',
  'ram-full': 'room',
  crossing: 'none',
};
