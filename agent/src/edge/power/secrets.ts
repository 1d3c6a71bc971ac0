/** Passwords of AMTs: from files that nobody else can read, or programs; never kept, logged or told. */
import { open } from 'node:fs/promises';
import { ShoalError } from '../../errors.ts';
import { runProgram } from './suspend/run.ts';

const OTHERS = 0o077;
const BYTES_MAX = 256;
/** Somebody waits for a node to wake. */
const SCRIPT_MS = 5_000;

/** Throws SHOAL_AMT_SECRET. */
export async function readSecret(file: string, script: string): Promise<string> {
  return script === '' ? fromFile(file) : fromScript(script);
}

async function fromFile(file: string): Promise<string> {
  const handle = await open(file, 'r').catch(error => {
    throw bad(file, (error as Error).message, 'Write it, or name another file');
  });
  try {
    // Of what was opened: the name may lead elsewhere a moment later.
    const { mode, size } = await handle.stat();
    if ((mode & OTHERS) !== 0)
      throw bad(file, `others may read it (mode ${(mode & 0o777).toString(8)})`, `chmod 600 ${file}`);
    if (size > BYTES_MAX) throw bad(file, `it has more than ${BYTES_MAX} bytes`, 'Write the password alone');
    return line(file, await handle.readFile('utf8'));
  } finally {
    await handle.close();
  }
}

async function fromScript(script: string): Promise<string> {
  const { code, output } = await runProgram([script], AbortSignal.timeout(SCRIPT_MS));
  // What it printed may be the secret: only how it ended is told.
  if (code !== 0) throw bad(script, `it ended with ${code}`, 'Run it by hand');
  return line(script, output);
}

/** AMT takes 8 to 32 printable ASCII characters. */
function line(where: string, text: string): string {
  const password = text.replace(/\r?\n$/, '');
  if (/^[ -~]{1,64}$/.test(password)) return password;
  throw bad(where, 'it is no line of printable ASCII', 'Write the password alone');
}

const bad = (where: string, what: string, todo: string): ShoalError =>
  new ShoalError('SHOAL_AMT_SECRET', what, where, todo);
