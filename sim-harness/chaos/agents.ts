/** Starts agents, and tells of each that was found gone what its log says of that life. */
import { readFileSync, statSync } from 'node:fs';
import type { LabNode } from '../lab/index.ts';
import type { AgentEnd } from './checks/agents.ts';
import { monotonicNs } from './checks/violation.ts';

/** Enough for an exception with its stack, or for what V8 says of memory that is used up. */
const LAST_LINES = 30;

/** The present life of each agent: since when, and where in its log it begins. */
export class Agents {
  readonly #lives = new Map<string, { fromNs: number; fromByte: number }>();

  start(node: LabNode): void {
    this.#lives.set(node.name, { fromNs: monotonicNs(), fromByte: statSync(node.state.log).size });
    node.start();
  }

  /** Of one that is gone, before it is started again. */
  ended(node: LabNode): AgentEnd {
    const { fromNs, fromByte } = this.#lives.get(node.name) ?? { fromNs: 0, fromByte: 0 };
    const lines = readFileSync(node.state.log).toString('utf8', fromByte).trimEnd().split('\n');
    return {
      node: node.name,
      fromNs,
      toNs: monotonicNs(),
      started: lines.some(line => line.endsWith('"msg":"agent started"}')),
      lastLines: lines.slice(-LAST_LINES),
    };
  }
}
