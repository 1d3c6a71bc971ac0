/** Packs the guest's root file system: same inputs, same bytes. */
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from './command.ts';
import { INIT_SCRIPT, JOB_SCRIPT, MODULES, POWER_SCRIPT } from './init.ts';

/** All files carry this time (2020-01-01), so that the archive does not depend on when it was made. */
const MTIME_SECONDS = 1_577_836_800;

export type InitramfsParts = { busybox: string; workload: string; modules: string };

/**
 * The archive as newc cpio, not compressed: it is small, and unpacking costs more under TCG than loading.
 * `scratch`: a directory for temporary files.
 */
export async function packInitramfs(parts: InitramfsParts, scratch: string): Promise<Buffer> {
  const tree = await mkdtemp(join(scratch, 'initramfs-'));
  try {
    for (const directory of [
      'bin',
      'dev',
      'etc/acpi/PWRF',
      'guest',
      'lib/modules',
      'mnt',
      'proc',
      'sys',
      'tmp',
      'var/run',
    ]) {
      await mkdir(join(tree, directory), { recursive: true, mode: 0o755 });
    }
    await place(parts.busybox, join(tree, 'bin/busybox'), 0o755);
    await place(parts.workload, join(tree, 'bin/shoal-workload'), 0o755);
    for (const name of MODULES) {
      await place(join(parts.modules, `${name}.ko`), join(tree, `lib/modules/${name}.ko`), 0o644);
    }
    await writeFile(join(tree, 'lib/modules/order'), `${MODULES.join('\n')}\n`, { mode: 0o644 });
    await writeFile(join(tree, 'bin/shoal-job'), JOB_SCRIPT, { mode: 0o755 });
    await writeFile(join(tree, 'init'), INIT_SCRIPT, { mode: 0o755 });
    await writeFile(join(tree, 'etc/acpi/PWRF/00000080'), POWER_SCRIPT, { mode: 0o755 });
    const applets = (await command(parts.busybox, ['--list'])).toString().trim().split('\n');
    for (const applet of applets.filter(name => name !== 'busybox')) {
      await symlink('busybox', join(tree, 'bin', applet));
    }
    return await archive(tree);
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

async function place(from: string, to: string, mode: number): Promise<void> {
  await copyFile(from, to);
  await chmod(to, mode);
}

/** A directory as newc cpio, not compressed; the same tree gives the same bytes. */
export async function archive(tree: string): Promise<Buffer> {
  const entries = await readdir(tree, { withFileTypes: true, recursive: true });
  const names = entries.map(entry => join(entry.parentPath, entry.name).slice(tree.length + 1)).sort();
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink()) continue;
    await utimes(path, MTIME_SECONDS, MTIME_SECONDS);
  }
  await command('touch', ['-h', '-d', `@${MTIME_SECONDS}`, ...names.map(name => join(tree, name))]);
  const options = ['-o', '-H', 'newc', '--quiet', '--reproducible', '-R', '+0:+0'];
  return command('cpio', options, {
    cwd: tree,
    input: `${names.join('\n')}\n`,
    todo: 'apt-get install cpio',
  });
}
