/** Facts about the machine that a figure was measured on. */
import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';

export function machineFacts(): Record<string, string | number> {
  const qemu = /version ([\d.]+)/.exec(
    execFileSync('qemu-system-x86_64', ['--version'], { encoding: 'utf8' }),
  );
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? '',
    memoryMib: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    node: process.version,
    qemu: qemu?.[1] ?? '',
    accel: 'tcg',
  };
}
