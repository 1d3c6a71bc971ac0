/** The guest that labs, demo and benches run: kernel and initramfs, built once and kept. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { INIT_SCRIPT, JOB_SCRIPT, MODULES, POWER_SCRIPT } from './init.ts';
import { packInitramfs } from './initramfs.ts';
import { unpackKernel } from './kernel.ts';
import { repositoryRoot } from './root.ts';
import { buildWorkload, workloadHash } from './workload.ts';

/** Raised when the packing itself changes in a way that its inputs don't show. */
const FORMAT = 1;

export type GuestImageOptions = {
  /** Where everything is kept; default `<repository>/.cache/guest`. */
  cacheDir?: string;
  /** Statically linked busybox; default `/bin/busybox` (Debian: busybox-static). */
  busybox?: string;
  /** A kernel package file, instead of a download. */
  kernelDeb?: string;
  /** Looks for a newer kernel package even if one is in the cache. */
  refresh?: boolean;
  /** Told what is being done, one line each. Not called when nothing has to be done. */
  progress?: (line: string) => void;
};

export type GuestImage = { kernel: string; initrd: string; cached: boolean };

type Current = { inputs: string; kernel: string; initrd: string };

async function inputsHash(root: string, busybox: string, kernelDeb: string | undefined): Promise<string> {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([FORMAT, INIT_SCRIPT, JOB_SCRIPT, POWER_SCRIPT, MODULES, kernelDeb ?? '']));
  hash.update(await readFile(busybox));
  hash.update(await workloadHash(root));
  return hash.digest('hex');
}

/**
 * Paths of a bootable kernel and initramfs; builds them if anything they are made of has changed (seconds, needs apt
 * and cargo), else only looks (milliseconds, needs nothing). Rejects with ShoalError SHOAL_GUEST_BUILD.
 */
export async function ensureGuestImage(options: GuestImageOptions = {}): Promise<GuestImage> {
  const root = repositoryRoot();
  const cache = options.cacheDir ?? join(root, '.cache', 'guest');
  const busybox = options.busybox ?? '/bin/busybox';
  const say = options.progress ?? (() => {});
  const currentFile = join(cache, 'current.json');

  const inputs = await inputsHash(root, busybox, options.kernelDeb);
  const current: Current | undefined = await readFile(currentFile, 'utf8')
    .then(text => JSON.parse(text))
    .catch(() => undefined);
  const whole = current?.inputs === inputs && existsSync(current.kernel) && existsSync(current.initrd);
  if (whole && options.refresh !== true) {
    return { kernel: current.kernel, initrd: current.initrd, cached: true };
  }

  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'build-'));
  try {
    const kernel = await unpackKernel(cache, say, options.kernelDeb);
    say('building shoal-workload');
    const workload = await buildWorkload(root);
    say('packing the initramfs');
    const bytes = await packInitramfs({ busybox, workload, modules: kernel.modules }, work);
    const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
    const made: Current = { inputs, kernel: kernel.vmlinuz, initrd: join(cache, `initrd-${digest}.cpio`) };
    await writeFile(join(work, 'initrd'), bytes);
    await rename(join(work, 'initrd'), made.initrd);
    await writeFile(join(work, 'current'), JSON.stringify(made));
    await rename(join(work, 'current'), currentFile);
    return { kernel: made.kernel, initrd: made.initrd, cached: false };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
