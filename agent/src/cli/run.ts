/** One run of `shoal`: arguments in, exit code out, every error one line. */
import { CommanderError } from 'commander';
import { ShoalError } from '../errors.ts';
import { plain } from './format.ts';
import { createProgram } from './program.ts';
import type { Environment } from './style.ts';

export type Terminal = {
  out(text: string): unknown;
  note(text: string): unknown;
  outTty: boolean;
  noteTty: boolean;
  /** Of the terminal that notes go to; undefined where it is none. */
  noteColumns?(): number | undefined;
  env: Environment;
  /** Wall clock, ms. */
  now(): number;
  /** Until that many ms are over. */
  sleep(ms: number): Promise<unknown>;
};

/** 0 done; 1 refused, failed, or a check of `doctor` failed; 2 bad usage. */
export type ExitCode = 0 | 1 | 2;

export async function run(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const outcome = { code: 0 as ExitCode };
  try {
    await createProgram(terminal, outcome).parseAsync(args, { from: 'user' });
    return outcome.code;
  } catch (error) {
    // Commander has said what is wrong, or printed the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const line = error instanceof ShoalError ? error.line() : inside(error);
    terminal.note(`shoal: ${plain(line)}\n`);
    return error instanceof ShoalError && error.code === 'SHOAL_CLI_USAGE' ? 2 : 1;
  }
}

const inside = (error: unknown): string =>
  `failed inside: ${(error as Error)?.message ?? error} (${(error as Error)?.stack?.split('\n')[1]?.trim() ?? ''}). Report it`;
