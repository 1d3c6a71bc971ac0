/**
 * Ballast (`bench/ballast.ts`) for moves that begin when the rule likes, and take longer than a host waits before it takes back what is
 * free: it is given away as targets fill, and taken again when a source has let go of its memory.
 */
import { execFile } from 'node:child_process';
import { readdirSync, statSync, truncateSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { clock, every } from '@shoal/agent/edge/clock';
import { Ballast } from '../../bench/ballast.ts';
import type { Lab } from '../../lab/index.ts';
import { type RamFile, RamFiles } from './ram-files.ts';

const MIB = 2 ** 20;
const LOOK_EVERY_MS = 250;
/** Ahead of a target, which takes two seconds for it on a link of 1 Gbit/s: so long a host waits. */
const AHEAD_BYTES = 256 * MIB;
/** Of stat(2). */
const BLOCK_BYTES = 512;

export type Keeping = { stop(): Promise<void> };

/** As much as `mib`: what targets may have to fill at a time. It is in the lab's own directory, and goes with it. */
export async function keepBallast(lab: Lab, mib: number, say: (line: string) => void): Promise<Keeping> {
  const dirs = lab.nodes.map(node => ({ node: node.name, dir: node.ramDir }));
  const dir = dirname(dirs[0]?.dir ?? '');
  const path = join(dir, 'ballast');
  const ballast = new Ballast(dir, mib);
  await ballast.take();
  const seen = new RamFiles();
  let held = mib * MIB;
  let taken = Promise.resolve();
  const stop = every(clock, LOOK_EVERY_MS, () => {
    const left = seen.left(dirs.flatMap(ramFiles));
    const wanted = left === undefined ? mib * MIB : Math.min(held, Math.max(0, left - AHEAD_BYTES));
    if (wanted < held) truncateSync(path, wanted);
    // What was just let go of is touched already: taking it needs no touch, and hardly any time.
    else if (wanted > held) taken = take(path, wanted, say);
    held = wanted;
  });
  return {
    async stop() {
      stop();
      // It would make the file anew.
      await taken;
      await ballast.drop();
    },
  };
}

const take = (path: string, bytes: number, say: (line: string) => void): Promise<void> =>
  new Promise(resolve => {
    execFile('fallocate', ['-l', String(bytes), path], error => {
      if (error) say(`! no ballast: ${error.message}`);
      resolve();
    });
  });

function ramFiles({ node, dir }: { node: string; dir: string }): RamFile[] {
  return names(dir).flatMap(name => {
    const stat = statSync(join(dir, name), { throwIfNoEntry: false });
    return stat ? [{ node, vm: basename(name, '.ram'), bytes: stat.blocks * BLOCK_BYTES }] : [];
  });
}

/** None where no VM has been yet. */
function names(dir: string): string[] {
  try {
    return readdirSync(dir).filter(name => name.endsWith('.ram'));
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return [];
    throw error;
  }
}
