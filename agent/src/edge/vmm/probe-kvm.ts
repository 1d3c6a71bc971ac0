/**
 * Whether KVM really runs a guest here. `/dev/kvm` that opens proves little: under some hypervisors virtual machines
 * are made and then stand still. So the firmware is started, which says a word on its debug port within milliseconds
 * (SeaBIOS, CONFIG_DEBUG_IO, port 0x402), and none within a few seconds means no.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';

/** SeaBIOS speaks after some ms; a loaded machine gets a thousand times that. */
const PATIENCE_MS = 3000;

const ARGS = [
  ...['-accel', 'kvm', '-machine', 'pc', '-m', '16', '-display', 'none', '-nodefaults', '-no-user-config'],
  ...['-chardev', 'stdio,id=debug', '-device', 'isa-debugcon,iobase=0x402,chardev=debug'],
];

export async function kvmRuns(qemu: string): Promise<boolean> {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
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
