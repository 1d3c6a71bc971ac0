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

/** Files that bring up whole nodes or real guests run alone, so that they have the cores for themselves. */
const WHOLE = ['chaos/checks/', 'fuzz/', 'lab/', 'outsiders/', 'test/'].map(dir => `sim-harness/${dir}`);
const isWhole = (file: string) => WHOLE.some(dir => file.startsWith(dir));
/** Searches that take minutes begin first: at the end one lane would wait for the other. */
const LONG = ['sim-harness/model/', 'sim-harness/sim/'];
const isLong = (file: string) => LONG.some(dir => file.startsWith(dir));

async function runFiles(files: string[], lanes: number): Promise<Result[]> {
  const queue = [...files];
  const results: Result[] = [];
  const lane = async () => {
    for (let file = queue.shift(); file; file = queue.shift()) {
      const result = await runFile(file);
      results.push(result);
      const mark = result.failed ? '✗' : '✓';
      process.stdout.write(`${mark} ${file}: ${result.passed} passed (${result.seconds.toFixed(1)} s)\n`);
      if (result.failed) process.stdout.write(`${result.output}\n`);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}

const CARGO_TEST = ['test', '--release', '--manifest-path', 'agent/native/Cargo.toml', '--quiet'];

/** Builds the native tests beside others, which wait more than they compute. What it cannot build `runNative` tells of. */
function buildNative(): Promise<void> {
  const child = spawn('nice', ['-n', '10', 'cargo', ...CARGO_TEST, '--no-run'], { stdio: 'ignore' });
  return new Promise(resolve => {
    child.on('error', () => resolve());
    child.on('exit', () => resolve());
  });
}

function runNative(): Result {
  const startMs = Date.now();
  const { stdout, stderr, status } = spawnSync('cargo', CARGO_TEST, { encoding: 'utf8', maxBuffer: 2 ** 26 });
  const output = `${stdout}${stderr}`;
  let [passed, failed] = [0, 0];
  for (const [, p, f] of output.matchAll(/(\d+) passed; (\d+) failed/g)) {
    passed += Number(p);
    failed += Number(f);
  }
  if (passed + failed === 0 || (status !== 0 && failed === 0)) failed++;
  const seconds = (Date.now() - startMs) / 1000;
  process.stdout.write(`${failed ? '✗' : '✓'} cargo test: ${passed} passed (${seconds.toFixed(1)} s)\n`);
  if (failed) process.stdout.write(`${output}\n`);
  return { file: 'cargo test', passed, failed, output, seconds };
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
const nativeBuilt = all ? buildNative() : undefined;
const small = files.filter(f => !isWhole(f));
const results = await runFiles(
  [...small.filter(isLong), ...small.filter(f => !isLong(f))],
  Math.min(2, availableParallelism()),
);
await nativeBuilt;
if (all) results.push(runNative());
results.push(...(await runFiles(files.filter(isWhole), 1)));
const covered = all ? coverage() : true;
const passed = results.reduce((sum, r) => sum + r.passed, 0);
const failed =
  results.reduce((sum, r) => sum + r.failed, 0) + (covered ? 0 : 1) + (files.length === 0 ? 1 : 0);
if (!covered)
  process.stdout.write('✗ coverage of protocol, policies and agent/src/core is under 95 % of lines\n');
for (const r of results) if (r.failed) process.stdout.write(`✗ ${r.file}\n`);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed ? 1 : 0);
