/**
 * `npm test [-- pattern…]`: every `*.test.ts` in a process of its own (a leak in one cannot hide in another), the
 * native tests, then coverage. Ends with `N passed, N failed`; a file in which no test ran counts as failed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { sourceFiles } from './tidy.ts';

/** A test file that takes longer hangs: the longest takes about two minutes, and three times that on a machine that is starved. */
const FILE_TIMEOUT_MS = 600_000;
const COVERED = ['protocol/src/**', 'policies/src/**', 'agent/src/core/**'];
const COVERAGE_DIR = 'coverage/tmp';

type Result = { file: string; passed: number; failed: number; output: string; seconds: number };

function runFile(file: string): Promise<Result> {
  return new Promise(resolve => {
    const startMs = Date.now();
    const child = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', file], {
      env: { ...process.env, NODE_V8_COVERAGE: COVERAGE_DIR, NO_COLOR: '1', FORCE_COLOR: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', data => {
      output += data;
    });
    child.stderr.on('data', data => {
      output += data;
    });
    const timer = setTimeout(() => {
      output += `\nended after ${FILE_TIMEOUT_MS} ms\n`;
      child.kill('SIGKILL');
    }, FILE_TIMEOUT_MS);
    child.on('exit', code => {
      clearTimeout(timer);
      const count = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(output)?.[1] ?? 0);
      const [total, passed] = [count('Total'), count('Passed')];
      const silent = total === 0 || (code !== 0 && total === passed);
      const seconds = (Date.now() - startMs) / 1000;
      resolve({ file, passed, failed: total - passed + (silent ? 1 : 0), output, seconds });
    });
  });
}

/** Files that bring up whole nodes or real guests begin when the small ones are done: of them each wants cores and memory. */
const WHOLE = ['amt/lab-', 'chaos/checks/', 'fuzz/', 'lab/', 'outsiders/', 's3/', 'test/'].map(
  dir => `sim-harness/${dir}`,
);
const isWhole = (file: string) => WHOLE.some(dir => file.startsWith(dir));
/** What takes minutes begins first: at the end one lane would wait for the other. */
const LONG = [
  'sim-harness/model/',
  'sim-harness/sim/',
  'sim-harness/outsiders/',
  'sim-harness/test/qemu-postcopy',
];
const isLong = (file: string) => LONG.some(dir => file.startsWith(dir));
/** They give nodes cores of their own or a quota, and judge by what these used; and chaos fills both cores by itself. */
const ALONE = ['test/busy-node', 'lab/leftovers', 'test/chaos'].map(start => `sim-harness/${start}`);
const isAlone = (file: string) => ALONE.some(start => file.startsWith(start));

type Task = () => Promise<Result>;

/** In this order, so many at a time; each is told of when it ends. */
async function runTasks(tasks: Task[], lanes: number): Promise<Result[]> {
  const queue = [...tasks];
  const results: Result[] = [];
  const lane = async () => {
    for (let task = queue.shift(); task; task = queue.shift()) {
      const result = await task();
      results.push(result);
      const { file, passed, failed, output, seconds } = result;
      process.stdout.write(`${failed ? '✗' : '✓'} ${file}: ${passed} passed (${seconds.toFixed(1)} s)\n`);
      if (failed) process.stdout.write(`${output}\n`);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}

const tasksOf = (files: string[]): Task[] =>
  [...files.filter(isLong), ...files.filter(f => !isLong(f))].map(file => () => runFile(file));

const CARGO_TEST = ['test', '--release', '--manifest-path', 'agent/native/Cargo.toml', '--quiet'];

/** Builds the native tests beside others, which wait more than they compute. What it cannot build `runNative` tells of. */
function buildNative(): Promise<void> {
  const child = spawn('nice', ['-n', '10', 'cargo', ...CARGO_TEST, '--no-run'], { stdio: 'ignore' });
  return new Promise(resolve => {
    child.on('error', () => resolve());
    child.on('exit', () => resolve());
  });
}

function runNative(): Promise<Result> {
  const startMs = Date.now();
  const child = spawn('cargo', CARGO_TEST, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', data => {
      output += data;
    });
  return new Promise(resolve => {
    const end = (well: boolean) => {
      let [passed, failed] = [0, 0];
      for (const [, p, f] of output.matchAll(/(\d+) passed; (\d+) failed/g)) {
        passed += Number(p);
        failed += Number(f);
      }
      if (passed + failed === 0 || (!well && failed === 0)) failed++;
      resolve({ file: 'cargo test', passed, failed, output, seconds: (Date.now() - startMs) / 1000 });
    };
    child.on('error', error => {
      output += error.message;
      end(false);
    });
    child.on('close', status => end(status === 0));
  });
}

function coverage(): boolean {
  const include = COVERED.flatMap(glob => ['--include', glob]);
  const args = ['--temp-directory', COVERAGE_DIR, '--exclude', '**/*.test.ts', ...include];
  const report = ['report', '--all', '--reporter', 'text-summary', '--check-coverage', '--lines', '95'];
  const { status } = spawnSync('node_modules/.bin/c8', [...report, ...args], { stdio: 'inherit' });
  return status === 0;
}

const patterns = process.argv.slice(2);
const all = patterns.length === 0;
const files = sourceFiles().filter(f => f.endsWith('.test.ts') && (all || patterns.some(p => f.includes(p))));
rmSync(COVERAGE_DIR, { recursive: true, force: true });
mkdirSync(COVERAGE_DIR, { recursive: true });
const lanes = Math.min(2, availableParallelism());
const nativeBuilt = all ? buildNative() : undefined;
const results = await runTasks(tasksOf(files.filter(f => !isWhole(f))), lanes);
await nativeBuilt;
const whole = files.filter(f => isWhole(f) && !isAlone(f));
results.push(...(await runTasks([...(all ? [runNative] : []), ...tasksOf(whole)], lanes)));
results.push(...(await runTasks(tasksOf(files.filter(isAlone)), 1)));
const covered = all ? coverage() : true;
const passed = results.reduce((sum, r) => sum + r.passed, 0);
const failed =
  results.reduce((sum, r) => sum + r.failed, 0) + (covered ? 0 : 1) + (files.length === 0 ? 1 : 0);
if (!covered)
  process.stdout.write('✗ coverage of protocol, policies and agent/src/core is under 95 % of lines\n');
for (const r of results) if (r.failed) process.stdout.write(`✗ ${r.file}\n`);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed ? 1 : 0);
