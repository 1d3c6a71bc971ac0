/** `shoal console`: this terminal onto the serial console of a VM. Ctrl-] leaves, as in telnet and virsh. */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { ShoalError } from '../errors.ts';
import { needsSocket } from './client.ts';
import { plain } from './format.ts';
import { print, type Shell } from './shell.ts';

/** Ctrl-] */
const LEAVE = 0x1d;
/** A VM that has said nothing for so long has said all to what was piped in: an emulated one takes its time. */
const QUIET_MS = 1000;

export async function vmConsole(shell: Shell, vm: string): Promise<void> {
  if (!shell.client.local) throw needsSocket(shell.client.where);
  const answer = await shell.client.get<{ path: string }>(
    `/v1/vms/${encodeURIComponent(vm)}/console`,
    'object',
  );
  if (shell.json) return print(shell, answer, () => []);
  const { path } = answer.value;
  const socket = createConnection(path);
  await once(socket, 'connect').catch(cause => {
    const what = `the console cannot be reached: ${plain((cause as Error).message)}`;
    throw new ShoalError(
      'SHOAL_CLI_CONSOLE',
      what,
      vm,
      'See whether the VM runs here, and run this as root',
      {
        cause,
      },
    );
  });
  const terminal = process.stdin.isTTY === true;
  // Raw first: keys typed at the sight of the note are the VM's, Ctrl-C among them.
  if (terminal) process.stdin.setRawMode(true);
  if (terminal) shell.note(`Console of ${vm}; Ctrl-] leaves.\r\n`);
  const left = await join(socket, terminal);
  if (terminal)
    shell.note(`\r\n${left ? `Left the console of ${vm}.` : `The console of ${vm} has ended.`}\n`);
}

/** The terminal is raw. Resolves to true when the person left, false when the VM's end closed. The terminal is as before in any case. */
async function join(socket: Socket, terminal: boolean): Promise<boolean> {
  const { stdin, stdout } = process;
  try {
    return await new Promise<boolean>(resolve => {
      const leave = () => resolve(true);
      stdin.on('data', (typed: Buffer) => {
        const at = terminal ? typed.indexOf(LEAVE) : -1;
        if (at !== 0) socket.write(at < 0 ? typed : typed.subarray(0, at));
        if (at >= 0) leave();
      });
      // Standard input from a file or pipe: what it held is sent on, and what the VM says to it is shown.
      let quiet: NodeJS.Timeout | undefined;
      const untilQuiet = () => {
        clearTimeout(quiet);
        quiet = setTimeout(leave, QUIET_MS).unref();
      };
      stdin.once('end', () => {
        untilQuiet();
        socket.on('data', untilQuiet);
      });
      for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.once(signal, leave);
      socket.on('data', shown => stdout.write(shown));
      socket.once('close', () => resolve(false));
      // `close` follows and says all there is to say.
      socket.on('error', () => undefined);
    });
  } finally {
    if (terminal) stdin.setRawMode(false);
    stdin.pause();
    socket.destroy();
  }
}
