/**
 * The root disk of guests that run jobs (`shoal.root=`): Debian and the files of experiments on ext4. Made once, kept by the
 * hash of what it is made of, and copied for each VM.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { ShoalError } from '@shoal/agent';
import { command } from './command.ts';
import { debianHash, ensureDebian } from './debian.ts';
import { repositoryRoot } from './root.ts';

/** A file beside Debian's own. `path`: absolute in the guest, below `/shoal/`. */
export type GuestFile = { path: string; text: string; mode: number };

/** Room for what jobs write. The file is sparse, so that only what is in it costs anything. */
const SIZE = '1G';
/** Raised when the packing itself changes in a way that its inputs don't show. */
const FORMAT = 1;
/** What nobody has used for a day goes: each is hundreds of MB, and a run of experiments uses its own again and again. */
const KEEP_MS = 86_400_000;
const KEPT = /^(disk|debian)-/;

export type GuestDiskOptions = {
  files: readonly GuestFile[];
  /** Where everything is kept; default `<repository>/.cache/guest`. */
  cacheDir?: string;
  /** Told what is being done, one line each. Not called when nothing has to be done. */
  progress?: (line: string) => void;
};

/** `disk`: raw, not to be written to. */
export type GuestDisk = { disk: string; cached: boolean };

/** Changes with anything that the disk is made of; not with the order in which its files are named. Pure. */
export function diskHash(files: readonly GuestFile[], debian = debianHash()): string {
  const sorted = files
    .map(({ path, text, mode }) => [path, mode, text] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const inputs = JSON.stringify([FORMAT, SIZE, debian, sorted]);
  return createHash('sha256').update(inputs).digest('hex').slice(0, 16);
}

/**
 * Path of the disk; makes it if anything that it is made of has changed (seconds; minutes, root and a network for the first
 * one), else only looks. Rejects with ShoalError SHOAL_GUEST_BUILD.
 */
export async function ensureGuestDisk(options: GuestDiskOptions): Promise<GuestDisk> {
  const cache = options.cacheDir ?? join(repositoryRoot(), '.cache', 'guest');
  const say = options.progress ?? (() => {});
  const disk = join(cache, `disk-${diskHash(options.files)}.img`);
  if (await stat(disk).catch(() => undefined)) {
    await utimes(disk, new Date(), new Date());
    return { disk, cached: true };
  }
  await mkdir(cache, { recursive: true });
  const debian = await ensureDebian(cache, say);
  const work = await mkdtemp(join(cache, 'disk-'));
  try {
    say('packing the root disk');
    const tree = join(work, 'tree');
    await mkdir(tree);
    await command('tar', ['--numeric-owner', '-C', tree, '-xpf', debian]);
    for (const file of options.files) await place(tree, file);
    await makeFileSystem(tree, join(work, 'img'));
    await rename(join(work, 'img'), disk);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  await utimes(debian, new Date(), new Date());
  await prune(cache);
  return { disk, cached: false };
}

/** A disk for one VM at `path`, on stable storage: its QEMU reads past the page cache. */
export async function copyDisk(base: string, path: string): Promise<void> {
  await utimes(base, new Date(), new Date());
  await command('cp', ['--sparse=always', '--reflink=auto', base, path]);
  const file = await open(path, 'r+');
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function place(tree: string, { path, text, mode }: GuestFile): Promise<void> {
  // Elsewhere a link of Debian's own, such as /var/run, could lead out of the tree.
  if (!path.startsWith('/shoal/') || normalize(path) !== path)
    throw new ShoalError('SHOAL_GUEST_BUILD', 'is no plain path below /shoal/', path, 'Move it');
  await mkdir(dirname(join(tree, path)), { recursive: true });
  await writeFile(join(tree, path), text, { mode });
}

/** Nothing is left for the kernel to fill in later: that would be work of the guest while it is measured. */
async function makeFileSystem(tree: string, image: string): Promise<void> {
  const extended = 'lazy_itable_init=0,lazy_journal_init=0';
  const options = ['-q', '-t', 'ext4', '-m', '0', '-J', 'size=16', '-E', extended, '-d', tree];
  await command('mke2fs', [...options, image, SIZE], { todo: 'apt-get install e2fsprogs' });
}

async function prune(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const { mtimeMs } = await stat(join(cache, name));
    if (KEPT.test(name) && Date.now() - mtimeMs > KEEP_MS)
      await rm(join(cache, name), { recursive: true, force: true });
  }
}
