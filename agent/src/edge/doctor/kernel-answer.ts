/** What the kernel lets the page server do: `shoal-pages probe` tries it out, as the user that runs this. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export type KernelAnswer = {
  /** Why no userfaultfd can be made that way, for faults of the kernel too; empty = it can. */
  device: string;
  call: string;
  /** Missing pages of tmpfs can be filled. */
  fills: boolean;
  /** Writes can be noted without anyone waiting for it, and looked up. */
  tracks: boolean;
};

const PROBE_TIMEOUT_MS = 10_000;

/** Throws one sentence when the page server does not say. */
export async function askKernel(pageServer: string): Promise<KernelAnswer> {
  const { stdout } = await promisify(execFile)(pageServer, ['probe'], { timeout: PROBE_TIMEOUT_MS });
  const said = JSON.parse(stdout) as Partial<KernelAnswer>;
  const { device, call, fills, tracks } = said;
  if (typeof device !== 'string' || typeof call !== 'string')
    throw new Error(`it says no more than ${stdout.trim()}`);
  return { device, call, fills: fills === true, tracks: tracks === true };
}
