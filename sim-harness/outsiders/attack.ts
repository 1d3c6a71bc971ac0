/** What an attack is, and the scene that it finds. */
import type { Lab, LabNode } from '../lab/index.ts';
import type { Rogue, Target } from './rogue.ts';
import type { Measure } from './watch.ts';

export type Scene = {
  lab: Lab;
  /** `node0`: has the VM `prey` and is what most attacks aim at. */
  victim: LabNode;
  target: Target;
  targetOf(node: string): Target;
  /** UUID of `prey`. */
  prey: string;
  connections: number;
  /** A fresh rogue with a key that is on every node's list, or on none. It is stopped after the attack. */
  member(): Promise<Rogue>;
  outsider(): Promise<Rogue>;
  /** Waits until `look` finds something; rejects after a minute, saying what did not come. */
  until<T>(what: string, look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T>;
  /** Log lines of a node since the attack began. */
  lines(node?: string): Record<string, unknown>[];
  /** Lines of the log of another program than an agent: its file may be gone when the attack is over. */
  told(text: string): void;
  /** Something is as it must not be. */
  blame(what: string): void;
};

export type Attack = {
  name: string;
  /** One sentence: what is tried. */
  what: string;
  /** What a node must say in its log: text of one line, as JSON. Empty: nothing reaches it, or it answers instead. */
  said: RegExp | undefined;
  /** Nodes whose agent it ends and starts again by itself, once each. */
  restarts?: readonly string[];
  /** Bounds of growth that are others than those of all attacks: where an agent itself bounds what it keeps of a peer. */
  leaves?: Partial<Record<Measure, number>>;
  run(scene: Scene): Promise<void>;
};
