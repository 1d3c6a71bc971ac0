/** What runs VMs: QEMU, KVM. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Config } from '../../config/config.ts';
import { atLeast, type Check, fail, ok, warn } from './check.ts';

const VERSION_TIMEOUT_MS = 10_000;
const INSTALL = 'Install qemu-system-x86 7.2 or newer, or set vms.qemu';

export async function qemuCheck({ vms }: Pick<Config, 'vms'>): Promise<Check> {
  if (!vms.drivers.includes('qemu')) return ok('qemu', 'not wanted (vms.drivers)');
  try {
    const { stdout } = await promisify(execFile)(vms.qemu, ['--version'], { timeout: VERSION_TIMEOUT_MS });
    return judgeQemu(vms.qemu, stdout);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return fail('qemu', code === 'ENOENT' ? `${vms.qemu} is not there` : message.split('\n')[0]!, INSTALL);
  }
}

/** 7.2 is the oldest QEMU that the page server is tried with. */
export function judgeQemu(command: string, output: string): Check {
  const version = /version (\d+\.\d+(?:\.\d+)?)/.exec(output)?.[1];
  if (!version) return fail('qemu', `${command} --version says: ${output.split('\n')[0]}`, INSTALL);
  return atLeast(version, [7, 2]) ? ok('qemu', version) : fail('qemu', `${version}, too old`, INSTALL);
}

/** `runs` really starts a guest, so it is asked only where the answer matters. */
export async function kvmCheck(
  { vms }: Pick<Config, 'vms'>,
  runs: (qemu: string) => Promise<boolean>,
): Promise<Check> {
  if (!vms.drivers.includes('qemu')) return ok('kvm', 'not wanted (vms.drivers)');
  if (vms.accel === 'tcg') return ok('kvm', 'not wanted (vms.accel: tcg)');
  if (await runs(vms.qemu)) return ok('kvm', 'runs a guest');
  const there = existsSync('/dev/kvm');
  const found = there ? '/dev/kvm is there, but no guest runs with it' : 'there is no /dev/kvm';
  const todo = there
    ? 'See whether the CPU shows vmx or svm, and whether this user may use /dev/kvm'
    : 'Switch virtualisation on in the firmware, and load kvm_intel or kvm_amd';
  if (vms.accel === 'kvm') return fail('kvm', found, `${todo}; or set vms.accel: tcg`);
  return warn('kvm', `${found}: VMs are emulated, many times slower`, todo);
}
