/**
 * What was measured, one file a cell: an experiment takes hours, and what is there is not measured again. Kept by commit, since
 * figures of two states of this tree are of two programs.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ShoalError } from '@shoal/agent';
import type { Cell, Key } from './types.ts';

const COMMIT_LETTERS = 12;
/** What no run depends on: measuring takes days, and what it came to is written down meanwhile. */
const APART = ['docs', '**/*.md', '**/*.test.ts', 'sim-harness/experiments/report', 'sim-harness/plot'];
const MEASURED = [
  '--',
  '.',
  ...APART.map(path => `:(exclude,glob)${path}${path.includes('*') ? '' : '/**'}`),
];

/**
 * The last commit that changed what is measured (so neither pages nor tests nor the report); with a hash of what is not committed
 * behind it, if there is any.
 */
export function commitOf(root: string): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28, stdio: 'pipe' });
  try {
    const head = git('log', '-1', '--format=%H', ...MEASURED)
      .trim()
      .slice(0, COMMIT_LETTERS);
    const changes = git('diff', 'HEAD', ...MEASURED) + git('status', '--porcelain', ...MEASURED);
    if (changes === '') return head;
    return `${head}-${createHash('sha256').update(changes).digest('hex').slice(0, 8)}`;
  } catch (error) {
    const what = `git cannot tell which commit this is: ${(error as Error).message.split('\n')[0]}`;
    throw new ShoalError(
      'SHOAL_EXPERIMENT_LEDGER',
      what,
      root,
      'Run it in a git clone: cells are kept by commit',
    );
  }
}

export class Ledger {
  readonly #dir: string;
  readonly commit: string;

  /** `dir`: of all commits. */
  constructor(dir: string, commit: string) {
    this.#dir = join(dir, commit);
    this.commit = commit;
  }

  /** All of an experiment, also those that were discarded. A file that is no cell is an error: nothing is silently left out. */
  cells(experiment: string, isQuick: boolean): Cell[] {
    const dir = this.#of({ experiment, isQuick });
    return names(dir).map(name => {
      const path = join(dir, name);
      try {
        return JSON.parse(readFileSync(path, 'utf8')) as Cell;
      } catch (error) {
        const what = `it cannot be read: ${(error as Error).message}`;
        throw new ShoalError('SHOAL_EXPERIMENT_LEDGER', what, path, 'Remove it; it is measured again then');
      }
    });
  }

  /** Whole or not at all, also when the machine stops meanwhile. */
  keep(cell: Cell): void {
    const dir = this.#of(cell);
    mkdirSync(dir, { recursive: true });
    const path = join(dir, this.#free(dir, cell));
    writeFileSync(`${path}.new`, `${JSON.stringify(cell)}\n`);
    renameSync(`${path}.new`, path);
  }

  #of({ experiment, isQuick }: Pick<Key, 'experiment' | 'isQuick'>): string {
    return join(this.#dir, isQuick ? `${experiment}-quick` : experiment);
  }

  #free(dir: string, { arm, repetition, discarded }: Cell): string {
    const stem = `${arm}.${repetition}`;
    if (discarded === '') return `${stem}.json`;
    const before = names(dir).filter(name => name.startsWith(`${stem}.discarded`)).length;
    return `${stem}.discarded${before + 1}.json`;
  }
}

function names(dir: string): string[] {
  try {
    return readdirSync(dir)
      .filter(name => name.endsWith('.json'))
      .sort();
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return [];
    throw error;
  }
}
