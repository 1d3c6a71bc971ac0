/** The first root of a machine that is a node: busybox, modules, `/init`. */
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command } from '../guest/command.ts';
import { MODULES } from '../guest/init.ts';
import { archive } from '../guest/initramfs.ts';
import { INIT_SCRIPT } from './init.ts';

const BUSYBOX = '/bin/busybox';

/** Writes it to `path`. `modules`: of the guest's kernel. */
export async function makeInitrd(path: string, modules: string): Promise<void> {
  const tree = await mkdtemp(join(tmpdir(), 'shoal-s3-initrd-'));
  try {
    for (const directory of ['bin', 'dev', 'lib/modules', 'node', 'proc', 'sys'])
      await mkdir(join(tree, directory), { recursive: true });
    await copyFile(BUSYBOX, join(tree, 'bin/busybox'));
    await chmod(join(tree, 'bin/busybox'), 0o755);
    for (const name of MODULES)
      await copyFile(join(modules, `${name}.ko`), join(tree, `lib/modules/${name}.ko`));
    await writeFile(join(tree, 'lib/modules/order'), `${MODULES.join('\n')}\n`);
    await writeFile(join(tree, 'init'), INIT_SCRIPT, { mode: 0o755 });
    const applets = (await command(BUSYBOX, ['--list'])).toString().trim().split('\n');
    for (const applet of applets.filter(name => name !== 'busybox'))
      await symlink('busybox', join(tree, 'bin', applet));
    await writeFile(path, await archive(tree));
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}
