/** What a command has at hand: the agent, the two outputs, and how people want it. */
import type { Answer, Client } from './client.ts';
import type { Style } from './style.ts';

export type Shell = {
  client: Client;
  json: boolean;
  style: Style;
  /** Wall clock, ms. */
  now(): number;
  /** Until that many ms are over. */
  sleep(ms: number): Promise<unknown>;
  /** Results. */
  out(text: string): void;
  /** Progress and notes. */
  note(text: string): void;
  /** Notes go to a terminal, where a line can be written over. */
  live: boolean;
  /** No signs but ASCII, and no control sequences. */
  plain: boolean;
  /** Of the terminal that notes go to, now. */
  columns(): number;
};

/** Prints the answer as it came, or the lines that `show` makes of it. */
export function print<T>(shell: Shell, answer: Answer<T>, show: (value: T) => string[]): void {
  const lines = shell.json ? [answer.text] : show(answer.value);
  if (lines.length > 0) shell.out(`${lines.join('\n')}\n`);
}
