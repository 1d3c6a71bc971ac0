/** What post-copy stands on: the native parts, and the right to make a userfaultfd. */
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../config/config.ts';
import { type Check, fail, ok, warn } from './check.ts';

/** Where cargo puts them, beside the agent's sources and its compiled files alike. */
const BUILT = fileURLToPath(new URL('../../../native/target/release', import.meta.url));

export const PRELOAD = 'libshoal-uffd.so';
export const nativeDir = ({ native }: Pick<Config, 'native'>): string => native.dir || BUILT;

const may = (path: string, mode: number): boolean => {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
};

export function nativeCheck(config: Pick<Config, 'native' | 'vms'>): Check {
  const dir = nativeDir(config);
  const wanted: [string, number][] = [
    ['shoal-pages', constants.X_OK],
    [PRELOAD, constants.R_OK],
    ...(config.vms.drivers.includes('micro') ? [['shoal-micro', constants.X_OK] as [string, number]] : []),
  ];
  const missing = wanted.filter(([file, mode]) => !may(join(dir, file), mode)).map(([file]) => file);
  if (missing.length === 0) return ok('native parts', `${wanted.map(([file]) => file).join(', ')} in ${dir}`);
  return fail(
    'native parts',
    `not usable in ${dir}: ${missing.join(', ')}`,
    'Build them (npm run bootstrap), or set native.dir',
  );
}

export type UffdFacts = {
  /** The device can be opened for reading and writing. */
  device: boolean;
  root: boolean;
  /** The kernel has userfaultfd at all. */
  known: boolean;
};

/** VMs are started by the agent, as the user that runs this, or root: run `doctor` as the agent runs. */
export function userfaultfdCheck(): Check {
  return judgeUserfaultfd({
    device: may('/dev/userfaultfd', constants.R_OK | constants.W_OK),
    root: process.getuid?.() === 0,
    known: existsSync('/dev/userfaultfd') || existsSync('/proc/sys/vm/unprivileged_userfaultfd'),
  });
}

export function judgeUserfaultfd({ device, root, known }: UffdFacts): Check {
  const name = 'userfaultfd';
  if (!known) return fail(name, 'the kernel has none', 'Boot a kernel with CONFIG_USERFAULTFD=y');
  if (device) return ok(name, '/dev/userfaultfd may be used');
  if (root)
    return warn(
      name,
      'as root, by system call; no /dev/userfaultfd',
      'Boot Linux 6.1 or newer to run VMs as another user (vms.runAs)',
    );
  return fail(
    name,
    'this user may not use /dev/userfaultfd',
    "Give the agent's user an ACL: setfacl -m u:shoal:rw /dev/userfaultfd",
  );
}
