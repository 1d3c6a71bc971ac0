/** What all the other checks come to: by which engines a VM can move here, and why by others it cannot. */
import { release } from 'node:os';
import { join } from 'node:path';
import type { Engine } from '@shoal/protocol';
import type { Config } from '../../config/config.ts';
import { askQemu, type QemuAnswer } from '../vmm/ask-qemu.ts';
import { atLeast, type Check, fail, ok, warn } from './check.ts';
import { askKernel, type KernelAnswer } from './kernel-answer.ts';
import { read } from './machine.ts';
import { nativeDir, PRELOAD } from './native.ts';

/** Checks without which no page of a guest may be missing here. */
const STANDS_ON = ['kernel', 'qemu', 'native parts', 'VM user', 'userfaultfd', 'huge pages', 'guest memory'];

/** An answer, or why there is none. */
export type Asked<T> = { said: T } | { silent: string };

export type EngineFacts = {
  /** Undefined: the page server cannot be run, which is a fault of its own. */
  kernel: Asked<KernelAnswer> | undefined;
  /** Undefined: none is wanted, or there is none. */
  qemu: Asked<QemuAnswer> | undefined;
  release: string;
  /** Of those that post-copy stands on. */
  failed: readonly Check[];
  /** Whose VMs are: `own` of the user that runs this, who is not root; `other` of vms.runAs. */
  vmUser: 'root' | 'own' | 'other';
  /** `vm.unprivileged_userfaultfd` is 1. */
  anybody: boolean;
  engine: Engine;
};

const TESTED = 'Install a QEMU that is tested: 7.2 or 10.0';

type Why = { found: string; todo: string };

export async function engineChecks(
  config: Pick<Config, 'vms' | 'native' | 'migration'>,
  others: readonly Check[],
): Promise<Check[]> {
  const failed = others.filter(check => check.state === 'fail' && STANDS_ON.includes(check.name));
  const broken = (name: string) => failed.some(check => check.name === name);
  const { vms, migration } = config;
  const dir = nativeDir(config);
  const root = process.getuid?.() === 0;
  const user = root && vms.runAs.uid !== 0 ? vms.runAs : undefined;
  const preload = broken('native parts') || broken('VM user') ? '' : join(dir, PRELOAD);
  const [kernel, qemu] = await Promise.all([
    broken('native parts') ? undefined : asked(askKernel(join(dir, 'shoal-pages'))),
    broken('qemu') || !vms.drivers.includes('qemu')
      ? undefined
      : asked(askQemu({ qemu: vms.qemu, preload, user })),
  ]);
  return judgeEngines({
    ...{ kernel, qemu, failed },
    release: release(),
    vmUser: user ? 'other' : root ? 'root' : 'own',
    anybody: read('/proc/sys/vm/unprivileged_userfaultfd') === '1',
    engine: migration.engine,
  });
}

async function asked<T>(answer: Promise<T>): Promise<Asked<T>> {
  try {
    return { said: await answer };
  } catch (error) {
    return { silent: (error as Error).message.split('\n')[0]! };
  }
}

export function judgeEngines(facts: EngineFacts): Check[] {
  const postcopy = postcopyCheck(facts);
  return [postcopy, warmCheck(facts, postcopy.state === 'ok'), ...qemuPostcopyCheck(facts)];
}

function postcopyCheck({ kernel, qemu, failed, vmUser, anybody }: EngineFacts): Check {
  const name = 'post-copy';
  const named = new Set(failed.map(check => check.name));
  const faults = [
    ...failed.map(check => ({ found: `${check.name}: ${check.found}`, todo: check.todo })),
    // What the probe found of this user says nothing of another's system calls.
    ...(named.has('userfaultfd') ? [] : kernelFaults(kernel, vmUser === 'other' && !anybody)),
    ...qemuFaults(qemu),
  ];
  if (faults.length > 0) {
    const todos = [...new Set(faults.map(fault => fault.todo))];
    return fail(name, `not possible. ${faults.map(fault => fault.found).join('; ')}`, todos.join('; '));
  }
  const by = kernel && 'said' in kernel && kernel.said.device === '' ? '/dev/userfaultfd' : 'the system call';
  const who = qemu && 'said' in qemu ? `, QEMU ${qemu.said.version} leaves memory to it` : '';
  return ok(name, `possible: missing pages are filled by ${by}${who}`);
}

function kernelFaults(kernel: EngineFacts['kernel'], needsDevice: boolean): Why[] {
  if (!kernel) return [];
  if ('silent' in kernel)
    return [
      {
        found: `shoal-pages probe says nothing: ${kernel.silent}`,
        todo: 'Build it anew (npm run bootstrap)',
      },
    ];
  const { fills, device, call } = kernel.said;
  if (!fills)
    return [{ found: 'the kernel fills no missing pages of tmpfs', todo: 'Boot Linux 5.14 or newer' }];
  if (device === '' || (call === '' && !needsDevice)) return [];
  const found = needsDevice
    ? `VMs of another user than root need /dev/userfaultfd (${device})`
    : `no userfaultfd can be made (/dev/userfaultfd: ${device}; system call: ${call})`;
  return [
    { found, todo: "Boot Linux 6.1 or newer, and let the agent's user read and write /dev/userfaultfd" },
  ];
}

function qemuFaults(qemu: EngineFacts['qemu']): Why[] {
  if (!qemu) return [];
  if ('silent' in qemu)
    return [{ found: `QEMU: ${qemu.silent}`, todo: 'See whether the user of the VMs may run vms.qemu' }];
  const { version, refused, lacks, preload } = qemu.said;
  return [
    ...(refused.postcopy
      ? [
          {
            found: `QEMU ${version}: ${refused.postcopy}`,
            todo: TESTED,
          },
        ]
      : []),
    ...(lacks.length > 0
      ? [{ found: `QEMU ${version} knows no machine ${lacks.join(', ')}`, todo: TESTED }]
      : []),
    ...(preload
      ? [{ found: `QEMU starts without the preload: ${preload}`, todo: 'Build it for this machine' }]
      : []),
  ];
}

function warmCheck({ kernel, release }: EngineFacts, postcopy: boolean): Check {
  const name = 'warm';
  if (!postcopy) return warn(name, 'not possible, for post-copy is not', 'Mend what post-copy names');
  if (kernel && 'said' in kernel && kernel.said.tracks)
    return ok(name, `possible: kernel ${release} notes what a guest writes`);
  const found = `not possible from here: kernel ${release} does not note what a guest writes (PAGEMAP_SCAN, UFFD_FEATURE_WP_ASYNC)`;
  return warn(name, `${found}; such moves are plain post-copies`, 'Boot Linux 6.7 or newer');
}

/** Only for those who ask for it: where nobody does, its refusal is no fault. */
function qemuPostcopyCheck({ qemu, engine, vmUser }: EngineFacts): Check[] {
  const name = 'qemu-postcopy';
  if (!qemu || 'silent' in qemu) return [];
  const { version, refused } = qemu.said;
  const why = refused[name];
  if (!why) return [ok(name, `possible: QEMU ${version} takes it`)];
  const todo = qemuPostcopyMend(version, vmUser);
  if (engine === name)
    return [
      warn(name, `migration.engine, but not possible. QEMU ${version}: ${why}`, `${todo}, or use postcopy`),
    ];
  return [ok(name, `not possible, and only for VMs that ask for it. QEMU ${version}: ${why} (${todo})`)];
}

/** QEMU 7.2 makes its userfaultfd by system call only; 10.0 tries the device first (both seen). */
function qemuPostcopyMend(version: string, vmUser: EngineFacts['vmUser']): string {
  if (vmUser === 'root') return 'Boot a kernel with CONFIG_USERFAULTFD=y';
  const device = atLeast(version, [10, 0]) ? "give the VMs' user an ACL on /dev/userfaultfd, or " : '';
  return `${device}sysctl vm.unprivileged_userfaultfd=1`;
}
