/** Facts about the machine that the agent runs on. */
import { createHash } from 'node:crypto';
import { readFileSync, statfsSync } from 'node:fs';

/** Changes with each boot (random(4)): tells a restarted agent whether its VMs can still be alive. */
export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** Memory for guests in all, MiB: as configured, else the size of the file system that holds guest RAM. */
export function guestMemoryMib(ramDir: string, configuredMib: number): number {
  if (configuredMib > 0) return configuredMib;
  const { blocks, bsize } = statfsSync(ramDir);
  return Math.floor((blocks * bsize) / 2 ** 20);
}

/** First 16 hex digits of a SHA-256: ids of decisions and policies, for equality only. */
export const digest16 = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 16);
