/** A program of the harness that is killed leaves neither a process nor a directory. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { repositoryRoot } from '../guest/root.ts';

/** To copy the tree and start a checker, on a busy machine. */
const BEGIN_MS = 90_000;
/** The cleaner looks every 100 ms; a thousand files are removed. */
const END_MS = 60_000;

const test = suite('killed programs');
const tmp = realpathSync(mkdtempSync(join(tmpdir(), 'shoal-killed-')));
const started = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(tmp, { recursive: true, force: true });
});

/** Directories that the program made. */
const made = () => readdirSync(tmp).filter(name => name.startsWith('shoal-'));

/** Processes that work in one of them. */
function atWork(): number[] {
  const pids = readdirSync('/proc').map(Number);
  return pids.filter(pid => pid > 0 && cwdOf(pid).startsWith(`${tmp}/shoal-`));
}

function cwdOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return ''; // it ended meanwhile
  }
}

async function until(what: string, is: () => boolean, ms: number): Promise<void> {
  const untilMs = Date.now() + ms;
  while (!is()) {
    assert.ok(Date.now() < untilMs, `${what}, not within ${ms} ms: ${made()} ${atWork()}`);
    await sleep(20);
  }
}

for (const [program, args] of [
  ['mutations', ['--only', 'commit-without-postmigrate']],
  ['model', ['--quick', '--engine', 'precopy']],
] as const)
  for (const signal of ['SIGTERM', 'SIGKILL'] as const)
    test(`npm run ${program}, ended by ${signal} at work, leaves no process and no directory`, async () => {
      const main = join('sim-harness', program, 'main.ts');
      const child = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', main, ...args], {
        cwd: repositoryRoot(),
        env: { ...process.env, TMPDIR: tmp },
        stdio: 'ignore',
      });
      started.add(child);
      await until('a process is at work', () => atWork().length > 0, BEGIN_MS);
      child.kill(signal);
      await until('nothing is left', () => made().length === 0 && atWork().length === 0, END_MS);
    });

test.run();
