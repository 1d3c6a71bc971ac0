/** Rights that nothing needs until something has failed. */
import { readFileSync } from 'node:fs';
import { type Check, ok, warn } from './check.ts';

/** A setting of the kernel, as a number; -1 where this kernel has none of that name. */
const setting = (name: string): number => {
  try {
    return Number(readFileSync(`/proc/sys/${name}`, 'utf8'));
  } catch {
    return -1;
  }
};

const PTRACE = 'kernel/yama/ptrace_scope';
/** 3: nobody may attach to a process, root neither (Documentation/admin-guide/LSM/Yama.rst). */
const NOBODY = 3;

export function recoveryCheck(root = process.getuid?.() === 0): Check {
  return judgeRecovery(setting(PTRACE), root);
}

/** A page server that died is replaced by one that takes the VMM's descriptor with pidfd_getfd(2), under ptrace's rules. */
export function judgeRecovery(scope: number, root: boolean): Check {
  const name = 'page recovery';
  if (root ? scope < NOBODY : scope < 1) return ok(name, 'a page server that died can be replaced');
  const why = root ? 'nobody may attach to a process' : 'only a parent may attach to a process';
  const found = `a guest whose page server dies in a move waits for ever: ${why} (kernel.yama.ptrace_scope = ${scope})`;
  return warn(name, found, `Run: sysctl kernel.yama.ptrace_scope=${root ? 1 : 0}; 3 stays until a reboot`);
}
