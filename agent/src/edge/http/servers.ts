/** HTTP of this agent: reads over TCP, reads and changes over the unix socket. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { ShoalError } from '../../errors.ts';
import { createApp, type HttpDeps } from './app.ts';
import { addChanges, refuseChanges } from './changes.ts';
import { addReads } from './reads.ts';
import { gidOf, makeRoom, restrict } from './unix-socket.ts';

export type HttpOptions = {
  /** `host:port` for reads; empty = no TCP. Port 0 = any. */
  listen: string;
  /** Path of the unix socket. */
  socket: string;
  /** Group that may use it; empty = the owner alone. */
  group: string;
};

export interface HttpServers {
  /** Rejects with SHOAL_HTTP_LISTEN, SHOAL_CONTROL_SOCKET or SHOAL_CONTROL_GROUP; then nothing listens. */
  start(): Promise<void>;
  /** Ends all connections. */
  stop(): Promise<void>;
  /** Where it listens now: `tcp` as `host:port`, empty when there is none. */
  address(): { tcp: string; socket: string };
}

export function createHttpServers(options: HttpOptions, deps: HttpDeps): HttpServers {
  const local = createApp('socket', deps);
  addReads(local, deps);
  addChanges(local, deps);
  const open = options.listen === '' ? undefined : createApp('tcp', deps);
  if (open) {
    addReads(open, deps);
    refuseChanges(open);
  }
  const stop = async (): Promise<void> => {
    await Promise.all([local, open].map(app => app && end(app)));
  };
  return {
    async start() {
      try {
        await listenLocal(local, options);
        if (open) await listenOpen(open, options.listen);
      } catch (error) {
        await stop();
        throw error;
      }
    },
    stop,
    address() {
      const at = open?.server.address() as AddressInfo | null | undefined;
      const host = at?.family === 'IPv6' ? `[${at.address}]` : at?.address;
      return { tcp: at ? `${host}:${at.port}` : '', socket: options.socket };
    },
  };
}

async function listenLocal(app: FastifyInstance, { socket, group }: HttpOptions): Promise<void> {
  if (group !== '') gidOf(group);
  await makeRoom(socket);
  await app.ready();
  app.server.listen(socket);
  await once(app.server, 'listening').catch(cause => {
    const what = `it cannot be made: ${(cause as Error).message}`;
    throw new ShoalError('SHOAL_CONTROL_SOCKET', what, socket, 'Check control.socket', { cause });
  });
  restrict(socket, group);
}

async function listenOpen(app: FastifyInstance, listen: string): Promise<void> {
  const split = listen.lastIndexOf(':');
  const host = listen.slice(0, split).replace(/^\[|\]$/g, '');
  await app.ready();
  app.server.listen({ host, port: Number(listen.slice(split + 1)) });
  await once(app.server, 'listening').catch(cause => {
    const what = `HTTP cannot listen: ${(cause as Error).message}`;
    throw new ShoalError('SHOAL_HTTP_LISTEN', what, listen, 'Check http.listen, and who has the port', {
      cause,
    });
  });
}

/** Listening was not Fastify's doing, so idle connections are not its to close. */
async function end(app: FastifyInstance): Promise<void> {
  app.server.closeAllConnections();
  await app.close();
}
