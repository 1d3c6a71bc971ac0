/**
 * The disk of a machine that is a node: this machine's own Node with what it is linked against, and the agent as it is built here.
 * Made anew whenever the agent is: it takes seconds.
 */
import { chmod, cp, mkdir, mkdtemp, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadOrCreateIdentity } from '@shoal/agent/edge/mesh/identity';
import { command } from '../guest/command.ts';
import { repositoryRoot } from '../guest/root.ts';
import { CONFIG, STATE } from './init.ts';

const DIRECTORIES = ['bin', 'dev', 'etc', 'proc', 'run', 'sys', 'tmp', STATE.slice(1)];
const SIZE = '640M';
const STATE_SIZE = '96M';
const MODULES = 'node_modules/';
/** A package that is not nested in another one. */
const TOP = /^node_modules\/(@[^/]+\/)?[^/]+$/;
const OURS = ['protocol', 'policies', 'agent'];
/** For other systems, for compilers and for people: half of all bytes. */
const SPARED = /\/prebuilds\/(?!linux-x64)[^/]+(\/|$)|\.(map|ts|cts|mts|md|c|cc|cpp|h)$/;

/** A raw image with Node and the agent, to be mounted without being written to. */
export async function makeNodeDisk(path: string): Promise<void> {
  const tree = await mkdtemp(join(tmpdir(), 'shoal-node-disk-'));
  try {
    for (const directory of DIRECTORIES) await mkdir(join(tree, directory), { recursive: true });
    await cp('/bin/busybox', join(tree, 'bin/busybox'));
    for (const applet of ['sh', 'cat', 'echo', 'sleep'])
      await command('ln', ['-s', 'busybox', join(tree, 'bin', applet)]);
    await placeNode(tree);
    await placeAgent(tree);
    await fileSystem(tree, path, SIZE);
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

/** The state of a node: its key and its configuration. Answers its peer id. */
export async function makeStateDisk(path: string, config: string): Promise<string> {
  const tree = await mkdtemp(join(tmpdir(), 'shoal-node-state-'));
  try {
    const { peerId } = await loadOrCreateIdentity(tree);
    await writeFile(join(tree, CONFIG.slice(STATE.length + 1)), config, { mode: 0o600 });
    await fileSystem(tree, path, STATE_SIZE);
    return peerId;
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

async function placeNode(tree: string): Promise<void> {
  const node = await realpath(process.execPath);
  await place(tree, node, '/usr/bin/node');
  const linked = (await command('ldd', [node])).toString();
  for (const [, path = ''] of linked.matchAll(/(\/\S+) \(0x/g)) await place(tree, await realpath(path), path);
  // Native modules are linked against the C++ library too; it is among those of Node.
}

async function place(tree: string, from: string, to: string): Promise<void> {
  await mkdir(dirname(join(tree, to)), { recursive: true });
  await cp(from, join(tree, to));
  await chmod(join(tree, to), 0o755);
}

async function placeAgent(tree: string): Promise<void> {
  const root = repositoryRoot();
  const modules = join(tree, 'shoal', 'node_modules');
  const { packages } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; link?: boolean }>;
  };
  // What is nested in another package goes with it.
  const found = Object.entries(packages)
    .filter(([path, { dev, link }]) => TOP.test(path) && !dev && !link)
    .map(([path]) => path.slice(MODULES.length));
  for (const name of found) {
    const from = join(root, MODULES, name);
    const filter = (path: string) => !SPARED.test(path.slice(from.length)) || path.endsWith('package.json');
    // One for another system is in the lock file and not here.
    if (await stat(from).catch(() => undefined))
      await cp(from, join(modules, name), { recursive: true, dereference: true, filter });
  }
  for (const name of OURS) {
    const to = join(modules, '@shoal', name);
    await cp(join(root, name, 'dist'), join(to, 'dist'), { recursive: true });
    await writeFile(join(to, 'package.json'), await readFile(join(root, name, 'package.json')));
  }
}

async function fileSystem(tree: string, path: string, size: string): Promise<void> {
  await rm(path, { force: true });
  const options = ['-q', '-t', 'ext4', '-m', '0', '-O', '^has_journal', '-E', 'root_owner=0:0', '-d', tree];
  await command('mke2fs', [...options, path, size], { todo: 'apt-get install e2fsprogs' });
  await stat(path);
}
