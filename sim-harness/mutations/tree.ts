/** A copy of the source tree to plant faults in: the tree that is worked on is never touched. */
import assert from 'node:assert';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { cleaner, END_ALL_IN } from '../lab/cleaner.ts';
import type { Mutation } from './types.ts';

const WORKSPACES = ['protocol', 'policies', 'agent', 'sim-harness'];
/** Made, not written; the copy makes its own or does without. */
const MADE = ['node_modules', 'dist', 'target', 'out', 'coverage', '.git', '.cache'];

export class Tree {
  readonly dir: string;
  /** Ends what still works in it, then removes it: also when this process is killed. */
  readonly remove: () => Promise<void>;

  /** `root`: the tree that is copied. */
  constructor(root: string) {
    this.dir = realpathSync(mkdtempSync(join(tmpdir(), 'shoal-mutations-')));
    this.remove = cleaner(END_ALL_IN, this.dir);
    for (const entry of readdirSync(root)) {
      if (MADE.includes(entry)) continue;
      cpSync(join(root, entry), join(this.dir, entry), {
        recursive: true,
        filter: from =>
          !from
            .slice(root.length)
            .split(sep)
            .some(part => MADE.includes(part)),
      });
    }
    this.#linkModules(root);
  }

  /** Packages from outside are the ones of the tree that is copied; our own are the copies. */
  #linkModules(root: string): void {
    for (const at of ['', ...WORKSPACES]) {
      const from = join(root, at, 'node_modules');
      if (!existsSync(from)) continue;
      mkdirSync(join(this.dir, at, 'node_modules'));
      for (const name of readdirSync(from))
        if (name !== '@shoal') symlinkSync(join(from, name), join(this.dir, at, 'node_modules', name));
    }
    mkdirSync(join(this.dir, 'node_modules/@shoal'));
    for (const name of WORKSPACES)
      symlinkSync(join(this.dir, name), join(this.dir, 'node_modules/@shoal', name));
  }

  /** Plants the fault. Returns what takes it out again. */
  plant({ name, file, find, replace }: Mutation): () => void {
    const path = join(this.dir, file);
    const sound = readFileSync(path, 'utf8');
    assert(sound.split(find).length === 2, `${name}: its line does not stand exactly once in ${file}`);
    writeFileSync(
      path,
      sound.replace(find, () => replace),
    );
    return () => writeFileSync(path, sound);
  }
}
