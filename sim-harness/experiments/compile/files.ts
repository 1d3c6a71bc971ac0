/**
 * What is built inside guests, in place of the paper's kernel: busybox, by a real compiler from the tree that its Debian
 * package is made from, with `make allnoconfig; make -j2`. The same work each time, in a directory that was not there before.
 */
import type { GuestFile } from '../../guest/disk.ts';
import { APPLETS, QUICK_APPLETS } from './applets.ts';

/** As long under emulation as the paper's build on its hardware, and a tenth of it for a look. */
export const COMPILE_JOB = 'compile';
export const COMPILE_QUICK_JOB = 'compile-quick';

/**
 * allnoconfig of busybox says no to all, whatever a file of wishes says: they are put in behind it, and oldconfig gives what
 * they bring along its default. No time of day goes into the program.
 */
const BUILD_SCRIPT = `#!/bin/sh
set -e
export KCONFIG_NOTIMESTAMP=1
out=/shoal/build/$1
rm -rf "$out"
mkdir -p "$out"
make -C /shoal/src/busybox O="$out" allnoconfig
cd "$out"
sed 's/^/# /; s/=y$/ is not set/' "/shoal/compile/$1.config" >unwanted
grep -vxFf unwanted .config >wanted
cat "/shoal/compile/$1.config" >>wanted
mv wanted .config
make oldconfig </dev/null
make -j2
./busybox true
sha256sum busybox
`;

const configOf = (applets: readonly string[]): string => applets.map(name => `CONFIG_${name}=y\n`).join('');

export function compileFiles(): GuestFile[] {
  return [
    { path: '/shoal/compile/build', text: BUILD_SCRIPT, mode: 0o755 },
    ...(
      [
        [COMPILE_JOB, APPLETS],
        [COMPILE_QUICK_JOB, QUICK_APPLETS],
      ] as const
    ).flatMap(([job, applets]) => [
      { path: `/shoal/compile/${job}.config`, text: configOf(applets), mode: 0o644 },
      { path: `/shoal/jobs/${job}`, text: `#!/bin/sh\nexec /shoal/compile/build ${job}\n`, mode: 0o755 },
    ]),
  ];
}
