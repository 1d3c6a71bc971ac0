/** Whether the user that VMs run as may open a file: the agent's own rights say nothing about that. */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { promisify } from 'node:util';

export type User = { uid: number; gid: number };

/** Undefined = it may; else a sentence's end. With `user` it is asked as that user: modes, ACLs and mounts count. */
export async function openFault(
  path: string,
  wanted: 'r' | 'rw',
  user: User | undefined,
): Promise<string | undefined> {
  const mode = wanted === 'r' ? constants.R_OK : constants.R_OK | constants.W_OK;
  try {
    await access(path, mode);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? 'does not exist' : `cannot be opened (${code})`;
  }
  if (!user) return undefined;
  for (const [flag, word] of [
    ['-r', 'read'],
    ['-w', 'written'],
  ] as const) {
    if (flag === '-w' && wanted === 'r') continue;
    const may = await promisify(execFile)('test', [flag, path], { ...user }).then(
      () => true,
      () => false,
    );
    if (!may)
      return `may not be ${word} by the user that runs VMs (vms.runAs: uid ${user.uid}, gid ${user.gid})`;
  }
  return undefined;
}
