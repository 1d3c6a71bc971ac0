/** Runs a program to its end, for drivers: what it printed, and what it ended with. */
import { spawn } from 'node:child_process';

export type Ran = { code: number; output: string };

const OUTPUT_MAX = 4096;

/** `code` -1: it could not be started, or was ended by a signal. Never rejects. */
export function runProgram(words: readonly string[], signal?: AbortSignal): Promise<Ran> {
  const [program = '', ...args] = words;
  return new Promise(resolve => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...(signal && { signal }) });
    let output = '';
    const add = (chunk: Buffer) => {
      output = `${output}${chunk}`.slice(0, OUTPUT_MAX);
    };
    child.stdout.on('data', add);
    child.stderr.on('data', add);
    child.on('error', error => resolve({ code: -1, output: error.message }));
    child.on('close', code => resolve({ code: code ?? -1, output: output.trim() }));
  });
}
