/**
 * What is built inside guests in place of the paper's kernel: busybox, by a real compiler from the tree that its Debian
 * package is made from, with the paper's words, `make allnoconfig; make -j2`. The same work each time, in a directory that was
 * not there before.
 */
import type { GuestFile } from '../../guest/disk.ts';

/** As long under emulation as the paper's build was on its hardware. */
export const COMPILE_JOB = 'compile';
/** Its first words alone, a seventh of it: the program that configures is built and run. For a look. */
export const COMPILE_QUICK_JOB = 'compile-quick';

/** No time of day goes into what is built. */
const begin = (job: string): string => `#!/bin/sh
set -e
export KCONFIG_NOTIMESTAMP=1
out=/shoal/build/${job}
rm -rf "$out"
mkdir -p "$out"
make -C /shoal/src/busybox O="$out" allnoconfig
`;

export const compileFiles = (): GuestFile[] =>
  [
    { job: COMPILE_JOB, rest: 'make -C "$out" -j2\nsha256sum "$out/busybox"\n' },
    { job: COMPILE_QUICK_JOB, rest: 'sha256sum "$out/.config"\n' },
  ].map(({ job, rest }) => ({ path: `/shoal/jobs/${job}`, text: begin(job) + rest, mode: 0o755 }));
