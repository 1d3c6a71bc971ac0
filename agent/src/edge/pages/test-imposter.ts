/** For tests alone: living processes that say whatever the test wants, in a page server's place. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { startTicks } from '../vmm/processes.ts';
import { ControlledPageServer } from './control.ts';
import type { PageServerEvent } from './types.ts';

/** Their sockets are in `dir`. */
export function imposters(dir: string) {
  const left: { child: ChildProcess; server: Server }[] = [];

  async function imposter(name: string) {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    const path = join(dir, name);
    let talk: (socket: Socket) => void = () => undefined;
    const connected = new Promise<Socket>(resolve => {
      talk = resolve;
    });
    const server = createServer(socket => {
      socket.on('error', () => undefined);
      talk(socket);
    });
    left.push({ child, server });
    await new Promise<void>(resolve => server.listen(path, resolve));
    const id = { pid: child.pid ?? 0, startTicks: startTicks(child.pid ?? 0) ?? '' };
    const pages = await ControlledPageServer.connect('handoff', id, path);
    if (!pages) throw new Error('nobody listens there');
    const events: PageServerEvent[] = [];
    pages.on(event => events.push(event));
    return { id, socket: await connected, events, pages };
  }

  function end(): void {
    for (const { child, server } of left.splice(0)) {
      child.kill('SIGKILL');
      server.close();
    }
  }
  return { imposter, end };
}
