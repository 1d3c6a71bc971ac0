/** The unix socket's place in the file system: one agent, mode 0660, one group. */
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, unlinkSync } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { ShoalError } from '../../errors.ts';

const fault = (what: string, where: string, todo: string, cause?: unknown) =>
  new ShoalError('SHOAL_CONTROL_SOCKET', what, where, todo, { cause });

/** Removes the socket of an agent that is gone. Rejects when one answers there, or something else has the path. */
export async function makeRoom(path: string): Promise<void> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found) return;
    if (!found.isSocket()) throw fault('something that is no socket is in its place', path, 'Move it away');
    if (await answers(path)) {
      throw fault('another agent answers there', path, 'Stop it, or give this one its own control.socket');
    }
    unlinkSync(path);
  } catch (error) {
    if (error instanceof ShoalError) throw error;
    throw fault(
      `it cannot be made: ${(error as Error).message}`,
      path,
      'Check control.socket and its directory',
      error,
    );
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createConnection(path);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/**
 * Between bind and here the socket has the mode that the umask left it: to connect needs the right to write
 * (unix(7)), which the usual umask 022 leaves to the owner alone.
 */
export function restrict(path: string, group: string): void {
  if (group !== '') chownSync(path, process.getuid?.() ?? 0, gidOf(group));
  chmodSync(path, 0o660);
}

/** Node has no getgrnam(3); groups of directory services (LDAP) are not found here. Throws SHOAL_CONTROL_GROUP. */
export function gidOf(group: string, file = '/etc/group'): number {
  const row = readFileSync(file, 'utf8')
    .split('\n')
    .map(line => line.split(':'))
    .find(fields => fields[0] === group);
  if (row?.[2]) return Number(row[2]);
  throw new ShoalError(
    'SHOAL_CONTROL_GROUP',
    'this machine has no such group',
    `control.group: ${group}`,
    `Create it (groupadd ${group}), or name another`,
  );
}
