/** Runs a tool to its end; what it said is part of the error when it fails. */
import { spawn } from 'node:child_process';
import { ShoalError } from '@shoal/agent';

export type CommandOptions = {
  cwd?: string;
  env?: Record<string, string>;
  /** Bytes for its standard input. */
  input?: string;
  /** What to do about a failure, for the error. */
  todo?: string;
};

/** Resolves to what the command wrote to its standard output. Rejects with ShoalError SHOAL_GUEST_BUILD. */
export function command(name: string, args: string[], options: CommandOptions = {}): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(name, args, {
      cwd: options.cwd,
      env: { ...process.env, LC_ALL: 'C', ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const out: Buffer[] = [];
    let errors = '';
    const fail = (what: string): void =>
      reject(new ShoalError('SHOAL_GUEST_BUILD', what, `${name} ${args.join(' ')}`, options.todo ?? ''));
    child.stdout.on('data', (bytes: Buffer) => out.push(bytes));
    child.stderr.on('data', bytes => {
      errors += String(bytes);
    });
    child.on('error', error => fail(error.message));
    child.on('close', code => {
      if (code === 0) resolve(Buffer.concat(out));
      else fail(errors.trim().split('\n').slice(-5).join('\n') || `exit code ${code}`);
    });
    // A tool that ends before it has read everything reports that by its exit code.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}
