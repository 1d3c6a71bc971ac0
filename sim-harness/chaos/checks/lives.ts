/**
 * *No VM lost before the target owns it*: a VM that boots anew has lost its memory. That is right only when the one
 * process that had it was killed on purpose, its node had no memory left, or the one stream of a handoff by QEMU's own
 * post-copy was broken. Pure.
 */
import { type Note, type Span, spansOf } from './ledger.ts';
import type { Broken } from './streams.ts';
import { type Violation, violation } from './violation.ts';

/** What a scenario did to a VM or to a node's memory. */
export type Harm =
  | { kind: 'killed'; vm: string; pid: number; atNs: number }
  | { kind: 'no-memory'; node: string; fromNs: number; toNs: number };

/** A start right after the memory came back may still be one from before. */
const AFTER_NS = 5e9;

/** `streams`: those that were broken. `unloaded`: those whose target could not load. */
export function lostLives(
  notes: readonly Note[],
  harms: readonly Harm[],
  streams: readonly Broken[] = [],
  unloaded: readonly Broken[] = [],
): Violation[] {
  const spans = spansOf(notes);
  const found: Violation[] = [];
  for (const [i, span] of spans.entries()) {
    const before = spans[i - 1];
    if (!before || before.life === span.life) continue;
    // The life of before may run on later, after a short one that was in between: then it was never lost, but doubled.
    if (harms.some(harm => explains(harm, before, span, notes))) continue;
    const took = (s: Broken) =>
      s.vm === span.vm && s.brokenNs < span.fromNs && s.toNs + AFTER_NS > before.toNs;
    if (streams.some(took)) continue;
    // Then it had not run anywhere else, and does not boot there.
    if (before.node === span.node && unloaded.some(took)) continue;
    found.push(
      violation(
        'not-lost',
        `${span.vm} booted anew on ${span.node} at ${span.fromNs} ns; it had run on ${before.node} (process ${before.pid}) until ${before.toNs} ns, and nothing was done to it that takes its memory`,
      ),
    );
  }
  return found;
}

function explains(harm: Harm, before: Span, after: Span, notes: readonly Note[]): boolean {
  if (harm.kind === 'no-memory')
    return (
      [before.node, after.node].includes(harm.node) &&
      harm.fromNs < after.fromNs &&
      harm.toNs + AFTER_NS > before.toNs
    );
  if (harm.vm !== before.vm || harm.atNs > after.fromNs) return false;
  // The last that ran, killed while it ran or stood.
  if (harm.pid === before.pid) return harm.atNs >= before.fromNs;
  // A target that had taken the whole state over: it may have been the owner, a moment before its first step.
  return notes.some(
    n =>
      n.pid === harm.pid &&
      n.what === 'loaded' &&
      n.life === before.life &&
      n.atNs <= harm.atNs &&
      harm.atNs >= before.toNs,
  );
}

/** Every VM has somebody who executes it now: its last line is not older than `withinNs`, and not a `stand`. */
export function standing(
  vms: readonly string[],
  notes: readonly Note[],
  nowNs: number,
  withinNs: number,
): Violation[] {
  return vms.flatMap(vm => {
    let last: Note | undefined;
    for (const note of notes) if (note.vm === vm && (!last || note.atNs >= last.atNs)) last = note;
    if (last && (last.what === 'go' || last.what === 'beat') && nowNs - last.atNs < withinNs) return [];
    const seen = last
      ? `${last.what} on ${last.node} ${Math.round((nowNs - last.atNs) / 1e6)} ms ago`
      : 'nothing';
    return [violation('not-lost', `${vm} is not executed by anybody; last sign of it: ${seen}`)];
  });
}
