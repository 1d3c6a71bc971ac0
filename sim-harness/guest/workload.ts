/** Builds `shoal-workload` statically: the guest has no C library. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from './command.ts';

/**
 * A target directory of its own: `+crt-static` must not reach the preload library and the micro guest, which have to
 * stay dynamic, and changing RUSTFLAGS in a shared one would rebuild everything each time.
 */
const TARGET_DIR = join('agent', 'native', 'target', 'guest');
const RUSTFLAGS = '-C target-feature=+crt-static -C strip=symbols';

/** Hash over everything that the binary is made from. */
export async function workloadHash(root: string): Promise<string> {
  const native = join(root, 'agent', 'native');
  const sources = join(native, 'workload', 'src');
  const files = (await readdir(sources, { recursive: true })).filter(name => name.endsWith('.rs')).sort();
  const paths = [join(native, 'workload', 'Cargo.toml'), ...files.map(name => join(sources, name))];
  const hash = createHash('sha256').update(RUSTFLAGS);
  for (const path of paths) hash.update(await readFile(path)).update('\0');
  return hash.digest('hex');
}

/** Runs cargo (which does nothing when nothing changed) and returns the path of the static binary. */
export async function buildWorkload(root: string): Promise<string> {
  const args = ['build', '--release', '--locked', '--package', 'shoal-workload'];
  args.push('--manifest-path', join(root, 'agent', 'native', 'Cargo.toml'));
  args.push('--target-dir', join(root, TARGET_DIR));
  await command('cargo', args, { env: { RUSTFLAGS }, todo: 'install Rust (https://rustup.rs)' });
  return join(root, TARGET_DIR, 'release', 'shoal-workload');
}
