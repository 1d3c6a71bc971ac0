/**
 * Whether KVM really runs a guest here. `/dev/kvm` that opens proves little: where the CPU shows no virtualisation
 * (a paravirtual KVM under another hypervisor) stock kernels stand still after the firmware. And a KVM that is broken
 * below shows in the firmware itself: SeaBIOS says a word on its debug port (CONFIG_DEBUG_IO, 0x402) within ms.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';

/** SeaBIOS speaks after some ms; a loaded machine gets a thousand times that. */
const PATIENCE_MS = 3000;

const ARGS = [
  ...['-accel', 'kvm', '-machine', 'pc', '-m', '16', '-display', 'none', '-nodefaults', '-no-user-config'],
  ...['-chardev', 'stdio,id=debug', '-device', 'isa-debugcon,iobase=0x402,chardev=debug'],
];

export async function kvmRuns(qemu: string): Promise<boolean> {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    // Intel VT-x and AMD-V (proc(5), cpuinfo flags).
    if (!/^flags\s*:.*\b(vmx|svm)\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'))) return false;
  } catch {
    return false;
  }
  const child = spawn(qemu, ARGS, { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    return await new Promise<boolean>(resolve => {
      child.stdout.once('data', () => resolve(true));
      child.once('error', () => resolve(false));
      child.once('exit', () => resolve(false));
      setTimeout(() => resolve(false), PATIENCE_MS).unref();
    });
  } finally {
    child.kill('SIGKILL');
  }
}
