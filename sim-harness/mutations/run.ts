/** Runs checkers in a tree: first as it is, where all must pass, then with each fault planted. */
import { spawn } from 'node:child_process';
import { askedAbout, CHECKERS } from './checkers.ts';
import type { Tree } from './tree.ts';
import type { Checker, Mutation, Outcome, Row } from './types.ts';

/** A checker that hangs on a planted fault has not noticed it. */
const CHECKER_MAX_MS = 240_000;

export type Told = (row: Row) => void;

type End = { code: number | null; output: string; seconds: number };

function runIn(dir: string, { command: [file, ...args] }: Checker): Promise<End> {
  return new Promise((resolve, reject) => {
    const startMs = Date.now();
    const child = spawn(file, args, {
      cwd: dir,
      // A group of its own: what a checker started ends with it.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', data => (output += data));
    const timer = setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), CHECKER_MAX_MS);
    child.on('error', reject);
    child.on('close', code => {
      clearTimeout(timer);
      resolve({ code, output, seconds: (Date.now() - startMs) / 1000 });
    });
  });
}

const outcomeOf = ({ code, output }: End, { verdict }: Checker): Outcome => {
  if (code === 0) return 'missed';
  return verdict.test(output) ? 'caught' : 'fell over';
};

/** Whoever does not pass on the sound tree, with its output: nothing that it says later can be believed. */
export async function unsound(tree: Tree, mutations: readonly Mutation[], all = false): Promise<string[]> {
  const faults: string[] = [];
  for (const name of new Set(mutations.flatMap(m => askedAbout(m, all)))) {
    const { code, output } = await runIn(tree.dir, checkerOf(name));
    if (code !== 0) faults.push(`${name} fails on the tree as it is:\n${output}`);
  }
  return faults;
}

/** One row for each checker of each mutation; `all`: also of those who need not notice it. */
export async function runMutations(
  tree: Tree,
  mutations: readonly Mutation[],
  told: Told,
  all = false,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const mutation of mutations) {
    const mend = tree.plant(mutation);
    try {
      for (const name of askedAbout(mutation, all)) {
        const checker = checkerOf(name);
        const end = await runIn(tree.dir, checker);
        const outcome = outcomeOf(end, checker);
        const must = mutation.caughtBy.includes(name);
        const row = { mutation: mutation.name, checker: name, must, outcome, seconds: end.seconds };
        if (outcome === 'fell over') process.stderr.write(`${mutation.name}: ${name}\n${end.output}\n`);
        rows.push(row);
        told(row);
      }
    } finally {
      mend();
    }
  }
  return rows;
}

function checkerOf(name: string): Checker {
  const checker = CHECKERS[name];
  if (!checker) throw new Error(`there is no checker ${name}`);
  return checker;
}
