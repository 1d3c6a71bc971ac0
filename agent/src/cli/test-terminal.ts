/** For tests alone: one run of `shoal` in this process, its outputs kept; and one as a process of its own. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { run, type Terminal } from './run.ts';

const SHORT_MS = 10;

export type Ran = { code: number; out: string; note: string };

export async function shoal(args: string[], more: Partial<Terminal> = {}): Promise<Ran> {
  const ran: Ran = { code: -1, out: '', note: '' };
  ran.code = await run(args, {
    out: text => {
      ran.out += text;
    },
    note: text => {
      ran.note += text;
    },
    outTty: false,
    noteTty: false,
    env: {},
    now: Date.now,
    // Nothing here takes as long as a command looks again after: a turn for what is under way is enough.
    sleep: () => sleep(SHORT_MS),
    ...more,
  });
  return ran;
}

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
export const COMMAND = [process.execPath, '--conditions=source', '--import', 'tsx', MAIN];

/** `input` is its whole standard input. */
export function shoalProcess(args: string[], input = ''): Promise<Ran> {
  const child = start([...COMMAND, ...args]);
  child.stdin.end(input);
  return ended(child);
}

/** On a terminal of its own (script(1)). `watch` sees all that was shown so far, and may type. */
export function shoalOnTerminal(
  args: string[],
  watch: (shown: string, type: (keys: string) => void) => void,
): Promise<Ran> {
  const quoted = [...COMMAND, ...args].map(part => `'${part}'`).join(' ');
  const child = start(['script', '-qec', quoted, '/dev/null']);
  let shown = '';
  child.stdout.on('data', part => {
    shown += part;
    watch(shown, keys => child.stdin.write(keys));
  });
  return ended(child);
}

function start([file, ...rest]: string[]): ChildProcessWithoutNullStreams {
  return spawn(file!, rest, { stdio: 'pipe', env: { ...process.env, NO_COLOR: '1' } });
}

function ended(child: ChildProcessWithoutNullStreams): Promise<Ran> {
  const ran: Ran = { code: -1, out: '', note: '' };
  child.stdout.setEncoding('utf8').on('data', part => {
    ran.out += part;
  });
  child.stderr.setEncoding('utf8').on('data', part => {
    ran.note += part;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', code => resolve({ ...ran, code: code ?? -1 }));
  });
}
