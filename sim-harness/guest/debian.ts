/**
 * Debian as guests run jobs in it: made by debootstrap with compiler, web server and PHP, without what only people read,
 * and kept as an archive, so that another file of an experiment costs seconds and no download.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ShoalError } from '@shoal/agent';
import { debianMirror, downloadSource, proxyVariables } from './apt.ts';
import { command } from './command.ts';

const SUITE = 'bookworm';
/** debootstrap takes what they depend on, but nothing that they merely recommend. */
const PACKAGES = ['gcc', 'libc6-dev', 'make', 'bzip2', 'nginx-light', 'php8.2-fpm', 'php8.2-cli'];
/** Upstream's archives of these source packages are unpacked under `/shoal/src/`. */
const SOURCES = ['busybox'];
/** Nobody reads these in a guest. */
const SPARED = [
  'usr/share/doc',
  'usr/share/info',
  'usr/share/locale',
  'usr/share/man',
  'var/cache/apt',
  'var/cache/debconf',
  'var/lib/apt/lists',
];
/** Raised when the making itself changes in a way that its inputs don't show. */
const FORMAT = 1;

/** Of everything that the archive is made from, as far as it is chosen here. */
export const debianHash = (): string =>
  createHash('sha256')
    .update(JSON.stringify([FORMAT, SUITE, PACKAGES, SOURCES, SPARED]))
    .digest('hex')
    .slice(0, 16);

/** Path of the archive; makes it if it is not there (minutes, needs root, debootstrap and a network). */
export async function ensureDebian(cache: string, say: (line: string) => void): Promise<string> {
  const archive = join(cache, `debian-${debianHash()}.tar`);
  if (await stat(archive).catch(() => undefined)) return archive;
  if (process.getuid?.() !== 0)
    throw new ShoalError(
      'SHOAL_GUEST_BUILD',
      'debootstrap needs root',
      'root disk of the guest',
      'Run it as root',
    );
  const work = await mkdtemp(join(cache, 'debian-'));
  try {
    const tree = join(work, 'tree');
    const mirror = await debianMirror(SUITE);
    say(`making a root disk for guests: Debian ${SUITE} from ${mirror}, some minutes`);
    await debootstrap(tree, mirror);
    for (const name of SOURCES) {
      say(`downloading the source of ${name}`);
      await unpackSource(tree, name, await downloadSource(name, { mirror, suite: SUITE }, join(work, name)));
    }
    for (const spared of SPARED) await rm(join(tree, spared), { recursive: true, force: true });
    await command('tar', ['--numeric-owner', '-C', tree, '-cf', join(work, 'tar'), '.']);
    await rename(join(work, 'tar'), archive);
    return archive;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * In namespaces of its own: what it mounts in the tree, and what a package starts, goes with it however it ends. It tells
 * of its faults on standard output.
 */
async function debootstrap(tree: string, mirror: string): Promise<void> {
  const own = ['--mount', '--pid', '--fork', '--kill-child'];
  const make = ['--variant=minbase', `--include=${PACKAGES.join(',')}`, SUITE, tree, mirror];
  await command('unshare', [...own, 'sh', '-c', 'exec debootstrap "$@" >&2', 'debootstrap', ...make], {
    env: { ...(await proxyVariables()), DEBIAN_FRONTEND: 'noninteractive' },
    todo: 'apt-get install debootstrap, and look at the network',
  });
}

/** By the tree's own tar and bzip2, which this machine need not have. */
async function unpackSource(tree: string, name: string, archive: string): Promise<void> {
  const place = join('/shoal/src', name);
  await mkdir(join(tree, place), { recursive: true });
  await rename(archive, join(tree, 'tmp', 'source'));
  const options = ['--strip-components=1', '--no-same-owner', '-C', place];
  await command('chroot', [tree, 'tar', ...options, '-xjf', '/tmp/source']);
  await rm(join(tree, 'tmp', 'source'));
}
