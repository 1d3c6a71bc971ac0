/**
 * *A crashed VM is started again* by its agent, as long as its policy has not given up on it. Each crash of which an
 * agent told counts, so an agent that miscounts is seen as well. Pure.
 */
import { type Violation, violation } from './violation.ts';

/** As an agent told of it. `atMs`: wall clock. */
export type Crash = { node: string; vm: string; action: 'restart' | 'leave'; atMs: number };

/** What a VM with the policy `restart` was promised (docs/design/handoff.md, agent/src/core/vm/crash-policy.ts). */
const CRASHES_MAX = 3;
const CRASH_SPAN_MS = 600_000;

/** True if the last that its node said of a crash of it is that it stays down: an operator has to start it. */
export const givenUp = (node: string, vm: string, crashes: readonly Crash[]): boolean =>
  crashes.filter(c => c.node === node && c.vm === vm).at(-1)?.action === 'leave';

/** `vms`: as their own nodes show them, long after the last fault. */
export function notStarted(
  vms: readonly { node: string; vm: string; state: string }[],
  crashes: readonly Crash[],
): Violation[] {
  return vms
    .filter(v => ['crashed', 'lost'].includes(v.state) && !givenUp(v.node, v.vm, crashes))
    .map(({ node, vm, state }) =>
      violation('not-lost', `a crashed VM was not started again: ${vm} is ${state} on ${node}`),
    );
}

/** VMs on which a node gave up before their crashes were as many as the policy allows. */
export function gaveUpEarly(crashes: readonly Crash[]): Violation[] {
  return crashes
    .filter(c => c.action === 'leave')
    .flatMap(({ node, vm, atMs }) => {
      const recent = crashes.filter(
        c => c.node === node && c.vm === vm && c.atMs <= atMs && atMs - c.atMs < CRASH_SPAN_MS,
      ).length;
      if (recent > CRASHES_MAX) return [];
      const what = `${node} gave up on ${vm} at crash ${recent} in ${CRASH_SPAN_MS / 60_000} minutes; after ${CRASHES_MAX} it still has to start it`;
      return [violation('not-lost', what)];
    });
}
