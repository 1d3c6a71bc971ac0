/** The decoders of the page server: its own fuzz targets (`page-server/src/fuzz`), built so that the code taken is seen. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '../guest/root.ts';

/** LLVM's counters at every edge, which a stable compiler can put in; `shoal_coverage` is what reads them. */
const FLAGS = [
  '-Cpasses=sancov-module',
  '-Cllvm-args=-sanitizer-coverage-level=3',
  '-Cllvm-args=-sanitizer-coverage-inline-8bit-counters',
  '--cfg shoal_coverage',
];
/** Arithmetic that overflows fails; the pass does not see what is linked in later. */
const PROFILE = {
  CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS: 'true',
  CARGO_PROFILE_RELEASE_LTO: 'off',
  CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS: 'true',
};
/** Named, so that FLAGS are not for build scripts, which have nobody to report their counters to. */
const TRIPLE: Partial<Record<string, string>> = {
  arm64: 'aarch64-unknown-linux-gnu',
  x64: 'x86_64-unknown-linux-gnu',
};

/** Exit code: 0 nothing found, 1 a target failed (its input is kept), 3 it cannot be built here. `seconds`: of each target. */
export async function fuzzNative(seconds: number, seed: number): Promise<number> {
  const native = join(repositoryRoot(), 'agent', 'native');
  const cargo = (...args: string[]) => {
    const env = { SHOAL_FUZZ_SECONDS: `${seconds}`, SHOAL_FUZZ_SEED: `${seed}`, RUSTFLAGS: FLAGS.join(' ') };
    const build = ['--release', '--package', 'shoal-pages', '--lib', '--target-dir', 'target/fuzz'];
    const target = ['--target', TRIPLE[process.arch] ?? process.arch];
    const child = spawn('cargo', ['test', '--quiet', ...build, ...target, ...args], {
      cwd: native,
      env: { ...process.env, ...PROFILE, ...env },
      stdio: 'inherit',
    });
    return new Promise<boolean>(resolve => {
      child.on('error', () => resolve(false));
      child.on('exit', code => resolve(code === 0));
    });
  };
  if (!(await cargo('--no-run'))) return 3;
  const tests = ['--skip', 'planted', '--nocapture', '--test-threads', '1'];
  return (await cargo('fuzz::', '--', ...tests)) ? 0 : 1;
}
