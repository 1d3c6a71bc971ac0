/**
 * The guest's kernel: Debian's cloud kernel package, downloaded through apt, its SHA-256 checked against the signed
 * package lists, unpacked without installing it. Only the image and the modules that the guest needs are kept.
 */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ShoalError } from '@shoal/agent';
import { command } from './command.ts';
import { MODULES } from './init.ts';

/** The package that always depends on the newest cloud kernel. */
const META_PACKAGE = 'linux-image-cloud-amd64';
const MEND = `run apt-get update (as root), or give a kernel package with --kernel-deb`;

export type KernelPackage = { name: string; version: string; sha256: string };
export type Kernel = { vmlinuz: string; modules: string; package: KernelPackage };

const field = (text: string, name: string): string =>
  new RegExp(`^${name}: (.+)$`, 'm').exec(text)?.[1]?.trim() ?? '';

/** The kernel package of the configured Debian release, as its package lists describe it. */
export async function findKernelPackage(say: (line: string) => void): Promise<KernelPackage> {
  const look = async (): Promise<string> => {
    const depends = (
      await command('apt-cache', ['depends', '--important', META_PACKAGE], { todo: MEND })
    ).toString();
    return /Depends: (linux-image-[\w.+-]+)/.exec(depends)?.[1] ?? '';
  };
  let name = await look().catch(() => '');
  if (name === '') {
    say('apt-get update');
    await command('apt-get', ['update'], { todo: 'run apt-get update as root' });
    name = await look();
  }
  if (name === '') {
    throw new ShoalError(
      'SHOAL_GUEST_BUILD',
      `no package depends on from ${META_PACKAGE}`,
      'apt-cache depends',
      MEND,
    );
  }
  const shown = (await command('apt-cache', ['show', '--no-all-versions', name], { todo: MEND })).toString();
  return { name, version: field(shown, 'Version'), sha256: field(shown, 'SHA256') };
}

async function sha256(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}

async function download(kernel: KernelPackage, directory: string): Promise<string> {
  await command('apt-get', ['download', `${kernel.name}=${kernel.version}`], { cwd: directory, todo: MEND });
  const deb = (await readdir(directory)).find(file => file.endsWith('.deb'));
  if (deb === undefined)
    throw new ShoalError('SHOAL_GUEST_BUILD', 'apt-get downloaded nothing', kernel.name, MEND);
  const path = join(directory, deb);
  const found = await sha256(path);
  if (found !== kernel.sha256) {
    throw new ShoalError(
      'SHOAL_GUEST_BUILD',
      `SHA-256 is ${found}, the package lists say ${kernel.sha256}`,
      deb,
      MEND,
    );
  }
  return path;
}

/** Finds a module below `directory` by its file name. */
async function findModules(directory: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    if (entry.isFile() && entry.name.endsWith('.ko')) {
      found.set(basename(entry.name, '.ko'), join(entry.parentPath, entry.name));
    }
  }
  return found;
}

/**
 * Makes `<cache>/kernel-<version>/{vmlinuz,modules/*.ko}` unless it is there, and returns its paths.
 * `deb`: a kernel package at hand, instead of a download (its word is then taken for it).
 */
export async function unpackKernel(
  cache: string,
  say: (line: string) => void,
  deb?: string,
): Promise<Kernel> {
  const chosen: KernelPackage =
    deb === undefined
      ? await findKernelPackage(say)
      : { name: basename(deb), version: (await sha256(deb)).slice(0, 16), sha256: await sha256(deb) };
  const place = join(cache, `kernel-${chosen.version.replaceAll(/[^\w.+-]/g, '_')}`);
  const kernel: Kernel = {
    vmlinuz: join(place, 'vmlinuz'),
    modules: join(place, 'modules'),
    package: chosen,
  };
  if (await stat(join(place, 'package.json')).catch(() => undefined)) return kernel;

  const work = await mkdtemp(join(cache, 'unpack-'));
  try {
    if (deb === undefined) say(`downloading ${chosen.name} ${chosen.version}`);
    const file = deb ?? (await download(chosen, work));
    say(`unpacking ${basename(file)}`);
    await command('dpkg-deb', ['-x', file, join(work, 'tree')]);
    const made = join(work, 'made');
    await mkdir(join(made, 'modules'), { recursive: true });
    const image = (await readdir(join(work, 'tree', 'boot'))).find(name => name.startsWith('vmlinuz'));
    if (image === undefined) throw new ShoalError('SHOAL_GUEST_BUILD', 'holds no boot/vmlinuz', file, MEND);
    await copyFile(join(work, 'tree', 'boot', image), join(made, 'vmlinuz'));
    const modules = await findModules(join(work, 'tree', 'lib', 'modules'));
    for (const name of MODULES) {
      const module = modules.get(name);
      if (module === undefined)
        throw new ShoalError('SHOAL_GUEST_BUILD', `has no module ${name}`, chosen.name, MEND);
      await copyFile(module, join(made, 'modules', `${name}.ko`));
    }
    await writeFile(join(made, 'package.json'), JSON.stringify(chosen));
    // Whole or not at all; another process may have been faster.
    await rename(made, place).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
    return kernel;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
