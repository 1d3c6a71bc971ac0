/**
 * Sameness of disks: the same path on two nodes may be two different disks. The source writes a nonce beside each
 * image (`<image>.shoal-<VM>`), the target must read the same (handoff.md, stage 1). NBD disks are the same by their
 * export: both nodes use one server.
 */
import { randomBytes } from 'node:crypto';
import { open, readFile, rm } from 'node:fs/promises';
import type { VmSpec } from '@shoal/protocol';

/** Of each VM its own: several may read one image, and move at the same time. */
const beside = (image: string, { vm }: VmSpec): string => `${image}.shoal-${vm.slice(0, 8)}`;
const fileDisks = (spec: VmSpec) => spec.disks.filter(d => d.kind === 'file');

export async function writeDiskNonces(spec: VmSpec): Promise<Record<string, string>> {
  const nonces: Record<string, string> = {};
  for (const disk of fileDisks(spec)) {
    const nonce = randomBytes(16).toString('hex');
    const path = beside(disk.source, spec);
    await rm(path, { force: true });
    // A new file: a link that somebody put in its place must not be written through.
    const file = await open(path, 'wx', 0o644);
    try {
      await file.writeFile(nonce);
      await file.sync();
    } finally {
      await file.close();
    }
    nonces[disk.id] = nonce;
  }
  return nonces;
}

/** Faults in sentences; empty = every disk is the one that the source has. */
export async function checkDiskNonces(spec: VmSpec, nonces: Record<string, string>): Promise<string[]> {
  const faults: string[] = [];
  for (const disk of fileDisks(spec)) {
    const found = await readFile(beside(disk.source, spec), 'utf8').catch(() => undefined);
    if (found !== nonces[disk.id]) {
      faults.push(
        `disk ${disk.id} at ${disk.source} is not the disk that the source uses: put it on shared storage`,
      );
    }
  }
  return faults;
}

export async function clearDiskNonces(spec: VmSpec): Promise<void> {
  for (const disk of fileDisks(spec)) await rm(beside(disk.source, spec), { force: true });
}
