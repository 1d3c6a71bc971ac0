/** What an experiment is made of: arms that are compared, cells that are measured, rows that are printed. */
import type { Engine } from '@shoal/protocol';
import type { Others } from '../../bench/others.ts';
import type { Move } from '../../demo/report.ts';

/** One configuration of the cluster under the same load. */
export type Arm = {
  name: string;
  /** By which VMs move; none: the rule only observes, and they stay. */
  engine?: Engine;
  /** For moves that nobody waits for; default: as `engine`. */
  packingEngine?: 'warm';
  /** Each VM on a node of its own from the start. */
  isApart?: true;
  /** How long an overload must last before the rule acts. */
  holdSeconds?: number;
  /** As the paper's rule, which lets a VM that came back move on at once. */
  backoff?: 'off';
  /** Of the pages of a move, bytes a second; none: as the link carries. */
  capBytesPerSecond?: number;
  /** Guests whose memory nobody has written, so that an engine may leave it out. */
  isEmpty?: true;
};

/** `[seconds since the beginning, value]` */
export type Series = { name: string; points: [number, number][] };

/** What one run of an arm has shown. Times are since the beginning of the load. */
export type Measured = {
  /** By name; -1: not measured. */
  figures: Record<string, number>;
  series: Series[];
  moves: Move[];
  /** Pages of guests that were wrong at the end; any makes the experiment fail. */
  badPages: number;
  others: Others;
};

export type Key = { experiment: string; isQuick: boolean; arm: string; repetition: number };

/** A run as it is kept. */
export type Cell = Key & {
  commit: string;
  /** Wall clock at its end, ms. */
  atMs: number;
  /** How long it took with all that is around it. */
  seconds: number;
  /** Why it counts in no figure; empty: it counts. */
  discarded: string;
  machine: Record<string, string | number>;
  measured: Measured;
};

/** One line of a table: a figure of an arm over its repetitions. `paper`: the paper's own value of it. */
export type Row = {
  experiment: string;
  engine: string;
  figure: string;
  median: number;
  min: number;
  max: number;
  runs: number;
  paper: number | null;
};

/** `unit`: of the median; `meaning`: one sentence. `paper`: of each arm that the paper has. */
export type Figure = { unit: string; meaning: string; paper?: Record<string, number> };

/**
 * `less` has less of a figure than `than`, by `by` at least where that is said (a number below 0); without `than`: at most `by`.
 */
export type Claim = { figure: string; less: string; than?: string; by?: number };

/** A chart of the report. `paper`: the number of the paper's figure that shows the same, of each arm that has one. */
export type Panel = {
  /** Each by its name in the series, and in the key of the chart. */
  lines: readonly { series: string; name: string }[];
  title: string;
  yLabel: string;
  yMax: number;
  paper?: Record<string, number>;
};

export type Experiment = {
  name: string;
  title: string;
  /** Of the paper. */
  section: string;
  arms: readonly Arm[];
  /** Those of a quick run. */
  quickArms: readonly string[];
  repetitions: number;
  figures: Record<string, Figure>;
  panels: readonly Panel[];
  /** About how long a cell takes, before one has been measured. */
  seconds(arm: Arm, isQuick: boolean): number;
  run(arm: Arm, isQuick: boolean, say: (line: string) => void): Promise<Measured>;
  /** Figures that need other arms too, such as a penalty, by what was kept: those of one of these cells. */
  compared?(cell: Cell, kept: readonly Cell[]): Record<string, number>;
  claims: readonly Claim[];
  /** In words: how the set-up differs from the paper's, and why results may. */
  remarks: readonly string[];
};
