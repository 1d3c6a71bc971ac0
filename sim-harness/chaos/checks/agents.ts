/** *No agent ends by itself*: unless a fault that was there at the time, on its node, ends agents. Pure. */
import { type Violation, violation } from './violation.ts';

/** An agent that was found gone, though nobody has it down. Times: CLOCK_MONOTONIC, ns. */
export type AgentEnd = {
  node: string;
  /** When it was started, and when it was found gone. */
  fromNs: number;
  toNs: number;
  /** It had said that it started. */
  started: boolean;
  /** Of its log. */
  lastLines: string[];
};

/** What was done to a node, and what that does to an agent there. `toNs`: infinite while it lasts. */
export type Excuse = {
  kind: string;
  node: string;
  ends: 'always' | 'starting' | 'never';
  fromNs: number;
  toNs: number;
};

/** The kind of fault that explains this end; undefined: none does. */
export function explained(end: AgentEnd, excuses: readonly Excuse[]): string | undefined {
  const there = excuses.filter(e => e.node === end.node && e.fromNs < end.toNs && e.toNs > end.fromNs);
  return there.find(e => e.ends === 'always' || (e.ends === 'starting' && !end.started))?.kind;
}

export function ownEnds(ends: readonly AgentEnd[], excuses: readonly Excuse[]): Violation[] {
  return ends
    .filter(end => explained(end, excuses) === undefined)
    .map(({ node, started, lastLines }) =>
      violation(
        'agents',
        `the agent of ${node} ended by itself ${started ? 'at work' : 'while it started'}, and no fault explains it; its last lines:\n${lastLines.join('\n') || '(none)'}`,
      ),
    );
}
