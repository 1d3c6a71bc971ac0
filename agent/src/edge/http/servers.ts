/** HTTP of this agent: reads over TCP, reads and changes over the unix socket and, with a token, over HTTPS. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { ShoalError } from '../../errors.ts';
import type { CertificateOptions } from '../people/certificate.ts';
import type { HttpDeps } from './app.ts';
import { openApp, socketApp } from './listeners.ts';
import type { Secure } from './secure.ts';
import { gidOf, makeRoom, restrict } from './unix-socket.ts';

export type HttpOptions = {
  /** `host:port` for reads; empty = no TCP. Port 0 = any. */
  listen: string;
  /** `host:port` for reads and changes with a token; empty = no HTTPS. */
  https: string;
  certificate: CertificateOptions;
  /** Path of the unix socket. */
  socket: string;
  /** Group that may use it; empty = the owner alone. */
  group: string;
};

export interface HttpServers {
  /** Rejects with SHOAL_HTTP_LISTEN, SHOAL_HTTPS_CERTIFICATE, SHOAL_CONTROL_SOCKET or SHOAL_CONTROL_GROUP; then nothing listens. */
  start(): Promise<void>;
  /** Ends all connections. */
  stop(): Promise<void>;
  /** Where it listens now: `tcp` and `https` as `host:port`, empty when there is none; `sha256:…` of the certificate. */
  address(): { tcp: string; socket: string; https: string; fingerprint: string };
}

export function createHttpServers(options: HttpOptions, deps: HttpDeps): HttpServers {
  const local = socketApp(deps);
  const open = options.listen === '' ? undefined : openApp(deps);
  let secure: Secure | undefined;
  const stop = async (): Promise<void> => {
    secure?.unwatch();
    await Promise.all([local, open, secure?.app].map(app => app && end(app)));
  };
  return {
    async start() {
      try {
        await listenLocal(local, options);
        if (open) await listenOpen(open, options.listen, 'http.listen');
        if (options.https === '') return;
        // Certificates and TLS take memory: only where they are wanted.
        secure = await (await import('./secure.ts')).createSecure(options.certificate, deps);
        await listenOpen(secure.app, options.https, 'http.https');
      } catch (error) {
        await stop();
        throw error;
      }
    },
    stop,
    address() {
      return {
        tcp: whereIs(open),
        socket: options.socket,
        https: whereIs(secure?.app),
        fingerprint: secure?.fingerprint() ?? '',
      };
    },
  };
}

function whereIs(app: FastifyInstance | undefined): string {
  const at = app?.server.address() as AddressInfo | null | undefined;
  const host = at?.family === 'IPv6' ? `[${at.address}]` : at?.address;
  return at ? `${host}:${at.port}` : '';
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

async function listenOpen(app: FastifyInstance, listen: string, key: string): Promise<void> {
  const split = listen.lastIndexOf(':');
  const host = listen.slice(0, split).replace(/^\[|\]$/g, '');
  await app.ready();
  app.server.listen({ host, port: Number(listen.slice(split + 1)) });
  await once(app.server, 'listening').catch(cause => {
    const what = `HTTP cannot listen: ${(cause as Error).message}`;
    throw new ShoalError('SHOAL_HTTP_LISTEN', what, listen, `Check ${key}, and who has the port`, {
      cause,
    });
  });
}

/** Listening was not Fastify's doing, so idle connections are not its to close. */
async function end(app: FastifyInstance): Promise<void> {
  app.server.closeAllConnections();
  await app.close();
}
