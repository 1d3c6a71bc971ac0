/**
 * What is built inside guests in place of the paper's kernel: busybox, by a real compiler from the tree that its Debian
 * package is made from, with the paper's words, `make allnoconfig; make -j2`. The same work each time, in a directory that was
 * not there before.
 */
import type { GuestFile } from '../../guest/disk.ts';

/** As long under emulation as the paper's build was on its hardware: some 220 s of a core. */
export const COMPILE_JOB = 'compile';
/** A tenth of it, for a look: the programs by which busybox configures and builds itself. */
export const COMPILE_QUICK_JOB = 'compile-quick';

const SOURCE = '/shoal/src/busybox';
const QUICK_MAKEFILE = '/shoal/compile/quick.mk';

const freshDirectory = (job: string): string => `#!/bin/sh
set -e
out=/shoal/build/${job}
rm -rf "$out"
mkdir -p "$out"
cd "$out"
`;

/** No time of day goes into what is built. */
const BUILD = `export KCONFIG_NOTIMESTAMP=1
make -C ${SOURCE} O="$out" allnoconfig
make -j2
sha256sum busybox
`;

const BUILD_QUICK = `make -f ${QUICK_MAKEFILE} -j2
sha256sum conf
`;

/** busybox's own rules ask the compiler for twenty seconds what it can do. */
const QUICK_RULES = `VPATH = ${SOURCE}/scripts/basic:${SOURCE}/scripts/kconfig
CFLAGS = -O2 -w -I${SOURCE}/scripts/kconfig -I.
all: fixdep split-include docproc conf kxgettext
conf kxgettext: %: %.o zconf.tab.o
	$(CC) -o $@ $^
zconf.tab.o: lex.zconf.c zconf.hash.c
%.c: %.c_shipped
	cp $< $@
`;

export const compileFiles = (): GuestFile[] => [
  { path: `/shoal/jobs/${COMPILE_JOB}`, text: freshDirectory(COMPILE_JOB) + BUILD, mode: 0o755 },
  {
    path: `/shoal/jobs/${COMPILE_QUICK_JOB}`,
    text: freshDirectory(COMPILE_QUICK_JOB) + BUILD_QUICK,
    mode: 0o755,
  },
  { path: QUICK_MAKEFILE, text: QUICK_RULES, mode: 0o644 },
];
