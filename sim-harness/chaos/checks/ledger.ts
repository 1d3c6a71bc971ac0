/**
 * *One runner per VM*, proven afterwards: every vCPU writes down when it goes and stands (agent/native/micro/ledger.rs;
 * of QEMU its own monitor tells, `monitors.ts`). Two spans of two processes that overlap are two runners, however
 * short it was and whoever looked. Pure.
 */
import { type Violation, violation } from './violation.ts';

export type Note = {
  vm: string;
  node: string;
  pid: number;
  life: string;
  what: 'go' | 'beat' | 'stand' | 'loaded';
  atNs: number;
};
/** Of a micro guest, which counts its own work. What real guests did, their readings tell (`readings.ts`). */
export type Counted = Note & { work: number; bad: number };

/** A span in which one process executed one VM: from its `go` to its `stand`, or to its last sign. */
export type Span = { vm: string; node: string; pid: number; life: string; fromNs: number; toNs: number };

/** Whole lines of a micro guest's ledger. Throws on what is none: evidence that cannot be read proves nothing. */
export function parseNotes(vm: string, text: string): Counted[] {
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const found = /^(\S+) (\d+) ([0-9a-f]{16}) (go|beat|stand|loaded) (\d+) (\d+) (\d+)$/.exec(line);
      if (!found) throw new Error(`the run ledger of ${vm} has a line that is none: ${line}`);
      const [, node = '', pid, life = '', what, work, bad, atNs] = found;
      return {
        vm,
        node,
        pid: Number(pid),
        life,
        what: what as Note['what'],
        atNs: Number(atNs),
        work: Number(work),
        bad: Number(bad),
      };
    });
}

/** Of one VM, by their begin. `loaded` is no running. */
export function spansOf(notes: readonly Note[]): Span[] {
  const open = new Map<number, Span>();
  const spans: Span[] = [];
  for (const note of [...notes].sort((a, b) => a.atNs - b.atNs)) {
    if (note.what === 'loaded') continue;
    const { vm, node, pid, life, atNs } = note;
    const span = open.get(pid);
    if (span && note.what !== 'go' && span.life === life) span.toNs = atNs;
    else {
      const fresh = { vm, node, pid, life, fromNs: atNs, toNs: atNs };
      open.set(pid, fresh);
      spans.push(fresh);
    }
    if (note.what === 'stand') open.delete(pid);
  }
  return spans;
}

/** Spans of two processes of the same VM that have a moment in common. */
export function overlaps(notes: readonly Note[]): Violation[] {
  const spans = spansOf(notes);
  const found: Violation[] = [];
  for (const [i, a] of spans.entries()) {
    for (const b of spans.slice(i + 1)) {
      if (b.fromNs >= a.toNs) continue;
      if (a.pid === b.pid) continue;
      const ms = (Math.min(a.toNs, b.toNs) - b.fromNs) / 1e6;
      const at = `${a.node} (process ${a.pid}) and ${b.node} (process ${b.pid})`;
      found.push(
        violation(
          'one-runner',
          `${a.vm} ran on ${at} at once for ${ms.toFixed(3)} ms, from ${b.fromNs} ns on`,
        ),
      );
    }
  }
  return found;
}

/** The work done never becomes less within a life: a guest that runs on from an older state has run twice. */
export function wentBack(notes: readonly Counted[]): Violation[] {
  const last = new Map<string, Counted>();
  const found: Violation[] = [];
  for (const note of [...notes].sort((a, b) => a.atNs - b.atNs)) {
    if (note.what === 'loaded') continue;
    const before = last.get(note.life);
    if (before && before.work > note.work)
      found.push(
        violation(
          'one-runner',
          `${note.vm} had done ${before.work} on ${before.node} and then ${note.work} on ${note.node}: an older state ran on`,
        ),
      );
    last.set(note.life, note);
  }
  return found;
}

/** Pages that the guest itself ever found wrong. */
export function badPages(notes: readonly Counted[]): Violation[] {
  const first = new Map<string, Counted>();
  for (const note of notes) if (note.bad > 0 && !first.has(note.life)) first.set(note.life, note);
  return [...first.values()].map(n =>
    violation('memory', `${n.vm} found ${n.bad} of its pages wrong on ${n.node}, at ${n.atNs} ns`),
  );
}
