/** Which faults end an agent, and when: every other end of an agent is its own fault. Pure. */
import type { Kind } from './kinds.ts';

/** `always`: whatever it does; `starting`: only before it has said that it started. */
export type Ends = 'always' | 'starting' | 'never';

/**
 * By the agent's code (agent/src/main.ts): it ends by a signal, or because its start failed. A start writes the new
 * incarnation before anything is said to anybody (edge/store/store.ts): where that cannot be on the disk, not to start
 * is right, since its reports would pass for those of an earlier life. One that has started has to live with a full
 * disk. Page servers, VMMs, links, and the memory of guests are others: none of them may take an agent along.
 */
export const ENDS_AGENT: Readonly<Record<Kind, Ends>> = {
  'agent-kill-source': 'always',
  'agent-kill-target': 'always',
  'agent-stop': 'never',
  'pages-kill': 'never',
  'pages-stop': 'never',
  'vmm-kill-source': 'never',
  'vmm-kill-target': 'never',
  'vmm-stop': 'never',
  'link-cut': 'never',
  'link-cut-one-way': 'never',
  'journal-full': 'starting',
  'ram-full': 'never',
  crossing: 'never',
};
