/** A TLS connection to an agent whose certificate is the pinned one, or one that an authority of this machine vouches for. */
import { connect, type TLSSocket } from 'node:tls';
import { fingerprintOf } from '../edge/people/certificate.ts';
import { ShoalError } from '../errors.ts';
import { type Place, unreachable } from './target.ts';

export type Wanted = { host: string; port: number; name: string; pin: string; timeoutMs: number };

/** Rejects with SHOAL_CLI_UNREACHABLE or SHOAL_CLI_FINGERPRINT; until it resolves nothing of ours was sent. */
export function checked({ host, port, name, pin, timeoutMs }: Wanted, place: Place): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      ...(name && { servername: name }),
      minVersion: 'TLSv1.3',
      // A pinned certificate needs nobody to vouch for it.
      rejectUnauthorized: pin === '',
    });
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(
      () => fail(unreachable(place, new Error(`no answer within ${timeoutMs / 1000} s`))),
      timeoutMs,
    );
    socket.once('close', () => clearTimeout(timer));
    socket.once('error', error =>
      fail(isTrust(error) ? distrusted(place, error) : unreachable(place, error)),
    );
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      const seen = fingerprintOf(socket.getPeerCertificate().raw);
      if (pin !== '' && seen !== pin) return fail(other(place, seen));
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

/** OpenSSL's and Node's words for a certificate that nobody vouches for, or that is another's (tls(3), X509_verify_cert_error_string). */
const isTrust = ({ code = '' }: NodeJS.ErrnoException): boolean =>
  /SELF_SIGNED|UNABLE_TO_|CERT_|ERR_TLS_CERT/.test(code);

const distrusted = ({ node }: Place, cause: Error): ShoalError =>
  new ShoalError(
    'SHOAL_CLI_FINGERPRINT',
    `nobody that this machine trusts vouches for the certificate: ${cause.message}`,
    node,
    'Run `shoal status` on that node and give what it shows as --fingerprint',
    { cause },
  );

const other = ({ node }: Place, seen: string): ShoalError =>
  new ShoalError(
    'SHOAL_CLI_FINGERPRINT',
    `the certificate there is another one: ${seen}. Nothing was sent`,
    node,
    'Run `shoal status` on that node; if it shows this one, pin it, else somebody stands between',
  );
