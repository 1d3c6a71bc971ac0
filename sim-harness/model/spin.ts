/**
 * Runs one search with spin (spinroot.com, `man spin`): model → verifier in C → compiled → run. What it finds is told
 * in the words of the tables, by a replay of the trail.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ShoalError } from '@shoal/agent';
import { cleaner, END_ALL_IN } from '../lab/cleaner.ts';

export type Verdict = {
  /** `bounded`: memory or time ran out before every state was seen. */
  outcome: 'holds' | 'broken' | 'bounded';
  states: number;
  depth: number;
  seconds: number;
  memoryMb: number;
  /** What was broken, and the steps that led there. */
  fault: string;
  trail: string[];
};

export type Limits = { memoryMb: number; seconds: number };

/** A step of the search changes a few bytes: a run is seldom longer than some thousand of them. */
const DEPTH_MAX = 200_000;
/** Half a minute of optimising is repaid only by searches of many million states. */
const SMALL_MEMORY_MB = 1200;
const TOOLS_MS = 120_000;

type Ran = { code: number; output: string; late: boolean };

/** Resolves with what it said; it is ended after `ms`. Rejects when it cannot be started. */
function run(command: string, args: string[], cwd: string, ms: number): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, ms);
    const take = (data: Buffer) => {
      output += data;
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', error => {
      clearTimeout(timer);
      const todo = 'npm run bootstrap installs spin and gcc';
      reject(new ShoalError('SHOAL_MODEL_TOOL', `${command} cannot be run: ${error.message}`, command, todo));
    });
    child.on('close', code => {
      clearTimeout(timer);
      resolve({ code: code ?? -1, output, late });
    });
  });
}

async function tool(command: string, args: string[], cwd: string): Promise<void> {
  const { code, output, late } = await run(command, args, cwd, TOOLS_MS);
  if (code === 0) return;
  const what = late ? 'did not end in time' : `failed: ${output.trim().split('\n').slice(0, 3).join(' | ')}`;
  throw new ShoalError('SHOAL_MODEL_TOOL', `${command} ${what}`, args.join(' '), 'Mend the model');
}

/** Every reachable state of `model`, within the limits. Rejects with SHOAL_MODEL_TOOL. */
export async function search(model: string, defines: string[], limits: Limits): Promise<Verdict> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'shoal-model-')));
  // A search may take minutes and gigabytes: it ends with this process, also when that is killed.
  const remove = cleaner(END_ALL_IN, dir);
  try {
    await writeFile(join(dir, 'm.pml'), model);
    await tool('spin', [...defines, '-a', 'm.pml'], dir);
    const optimise = limits.memoryMb > SMALL_MEMORY_MB ? '-O2' : '-O0';
    const bounds = [`-DMEMLIM=${limits.memoryMb}`, '-DVECTORSZ=512'];
    // Partial order reduction has nothing to do where there is one process; without it the search is exact.
    const kind = ['-DSAFETY', '-DCOLLAPSE', '-DNOREDUCE', '-w', optimise];
    await tool('gcc', [...kind, ...bounds, '-o', 'pan', 'pan.c'], dir);
    const startMs = performance.now();
    const { output, late } = await run(join(dir, 'pan'), [`-m${DEPTH_MAX}`], dir, limits.seconds * 1000);
    const seconds = (performance.now() - startMs) / 1000;
    const verdict = judged(output, late, seconds);
    if (verdict.outcome !== 'broken') return verdict;
    const { output: replay } = await run('spin', [...defines, '-t', 'm.pml'], dir, TOOLS_MS);
    return { ...verdict, trail: steps(replay) };
  } finally {
    await remove();
  }
}

const number = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? -1);

/** What a verifier's last words mean. Throws when they say nothing. */
export function judged(output: string, late: boolean, seconds: number): Verdict {
  const errors = number(output, /errors: (\d+)/);
  const cut = late || /reached -DMEMLIM bound|max search depth too small|out of memory/.test(output);
  if (errors < 0 && !cut)
    throw new ShoalError('SHOAL_MODEL_TOOL', `the verifier said nothing: ${output.slice(0, 300)}`, 'pan', '');
  // Cut off by time it has not summed up: the last line of progress is what is known.
  const progress = [...output.matchAll(/States=\s*([\d.e+]+)/g)].at(-1)?.[1];
  return {
    outcome: errors > 0 ? 'broken' : cut ? 'bounded' : 'holds',
    states: Math.max(number(output, /(\d+) states, stored/), Number(progress ?? 0)),
    depth: number(output, /depth reached (\d+)/),
    seconds,
    memoryMb: number(output, /([\d.]+)\s+total actual memory usage/),
    fault: /^pan:\d+: (.*)$/m.exec(output)?.[1] ?? '',
    trail: [],
  };
}

/** The steps of a replay that the tables took, in their words. */
export const steps = (replay: string): string[] =>
  replay
    .split('\n')
    .map(line => line.trim())
    .filter(line => /^[ST]: |^spin: text of failed assertion/.test(line));

export const worldText = (root: string): Promise<string> =>
  readFile(join(root, 'sim-harness', 'model', 'world.pml'), 'utf8');
