/** A fault that is planted in a copy of the source, and those who must notice. */
export type Mutation = {
  name: string;
  /** What is wrong with the planted code, as a sentence. */
  fault: string;
  file: string;
  /** Stands exactly once in the file. */
  find: string;
  replace: string;
  /** Each of these must fail on the mutated tree; names of `CHECKERS`. */
  caughtBy: readonly string[];
};

/** A command that passes on the tree as it is. */
export type Checker = {
  command: readonly [string, ...string[]];
  /** Output that says that it looked and found something; a command that fails without it fell over. */
  verdict: RegExp;
  /** Start of the paths that it reads: a fault elsewhere it cannot notice. */
  reads: string;
  /** It is not asked about faults that are not its own. */
  slow?: boolean;
};

export type Outcome = 'caught' | 'missed' | 'fell over';

export type Row = {
  mutation: string;
  checker: string;
  /** That it is missed is a failure. */
  must: boolean;
  outcome: Outcome;
  seconds: number;
};
