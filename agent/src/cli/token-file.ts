/** The token of who asks: from a file, since arguments and environments are seen by others (proc(5)). */
import { open } from 'node:fs/promises';
import { proofOf } from '../edge/people/token.ts';
import { ShoalError } from '../errors.ts';

/** More is no token. */
const BYTES_MAX = 4096;

/** Rejects with SHOAL_CLI_TOKEN_FILE. */
export async function readToken(path: string): Promise<string> {
  const fault = (what: string, todo: string, cause?: unknown) =>
    new ShoalError('SHOAL_CLI_TOKEN_FILE', what, path, todo, { cause });
  const file = await open(path).catch(cause => {
    const why = (cause as Error).message.split(',')[0];
    throw fault(
      `the token cannot be read: ${why}`,
      'Name a file that `shoal token create` was written to',
      cause,
    );
  });
  try {
    const { mode, size } = await file.stat();
    if ((mode & 0o077) !== 0) throw fault('others may read the token', `Run \`chmod 600 ${path}\``);
    const token = size > BYTES_MAX ? '' : (await file.readFile('utf8')).trim();
    if (proofOf(token)) return token;
    throw fault('there is no token in it', 'Write into it what `shoal token create` printed: shoal_…');
  } finally {
    await file.close();
  }
}
