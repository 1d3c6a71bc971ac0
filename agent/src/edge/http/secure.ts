/** HTTPS: everything that the unix socket offers but the console, to whoever has a token. Loaded where it is configured. */
import type { Server } from 'node:https';
import type { FastifyInstance } from 'fastify';
import { clock } from '../clock.ts';
import { type CertificateOptions, loadCertificate, watchCertificate } from '../people/certificate.ts';
import type { HttpDeps } from './app.ts';
import { httpsApp } from './listeners.ts';

export type Secure = { app: FastifyInstance; fingerprint(): string; unwatch(): void };

/** Every client of the last years speaks it, and it has no weak choices. */
const TLS = { minVersion: 'TLSv1.3' } as const;
/** Connections are few; one that never comes to its first request must not hold a place (node:tls waits 120 s). */
const HANDSHAKE_MS = 5000;

export async function createSecure(options: CertificateOptions, deps: HttpDeps): Promise<Secure> {
  let certificate = await loadCertificate(options);
  const { cert, key } = certificate;
  const app = httpsApp(deps, { ...TLS, handshakeTimeout: HANDSHAKE_MS, cert, key });
  const unwatch = watchCertificate(
    options,
    renewed => {
      const { cert, key } = renewed;
      (app.server as unknown as Server).setSecureContext({ ...TLS, cert, key });
      certificate = renewed;
    },
    { clock, log: deps.log },
  );
  return { app, fingerprint: () => certificate.fingerprint, unwatch };
}
