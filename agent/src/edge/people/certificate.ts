/**
 * The certificate of HTTPS. Without one of the operator's the node makes its own, once, by `shoal-pages init`, which makes those of
 * handoffs too: nobody else vouches for it, so whoever asks pins its fingerprint. Loaded only where HTTPS is configured.
 */
import { execFile } from 'node:child_process';
import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ShoalError } from '../../errors.ts';
import { type Clock, every } from '../clock.ts';
import type { Log } from '../mesh/types.ts';

/** PEM, as node:tls takes it. */
export type Certificate = { cert: string; key: string; fingerprint: string };

export type CertificateOptions = {
  /** Directory for the node's own. */
  dir: string;
  /** `shoal-pages`. */
  command: string;
  /** PEM files of the operator; both empty = the node's own. */
  certFile: string;
  keyFile: string;
};

const run = promisify(execFile);

/** Rejects with SHOAL_HTTPS_CERTIFICATE. */
export async function loadCertificate(options: CertificateOptions): Promise<Certificate> {
  const { certFile, keyFile, dir } = options;
  const where = certFile || dir;
  try {
    return certFile === '' ? await own(options) : await given(certFile, keyFile);
  } catch (cause) {
    const what = `the certificate of HTTPS cannot be used: ${(cause as Error).message}`;
    const todo = certFile ? 'Check http.certificate and http.key' : 'Check node.stateDir and native.dir';
    throw new ShoalError('SHOAL_HTTPS_CERTIFICATE', what, where, todo, { cause });
  }
}

async function own({ dir, command }: CertificateOptions): Promise<Certificate> {
  const [certFile, keyFile] = [join(dir, 'cert.der'), join(dir, 'key.der')];
  // The certificate is written last: without it the making was broken off.
  if (!(await stat(certFile).catch(() => undefined))) {
    await rm(dir, { recursive: true, force: true });
    await mkdir(join(dir, '..'), { recursive: true, mode: 0o711 });
    await run(command, ['init', dir]);
  }
  const key = createPrivateKey({ key: await readFile(keyFile), format: 'der', type: 'pkcs8' });
  return fitting(await readFile(certFile), key, '');
}

const given = async (certFile: string, keyFile: string): Promise<Certificate> => {
  const pem = await readFile(certFile, 'utf8');
  return fitting(pem, createPrivateKey(await readFile(keyFile, 'utf8')), pem);
};

/** `chain`: the whole PEM file where others follow the first. */
function fitting(bytes: Buffer | string, key: KeyObject, chain: string): Certificate {
  const first = new X509Certificate(bytes);
  if (!first.checkPrivateKey(key)) throw new Error('the key is not the one of the certificate');
  if (Date.parse(first.validTo) < Date.now()) throw new Error(`it has been invalid since ${first.validTo}`);
  return {
    cert: chain || first.toString(),
    key: key.export({ type: 'pkcs8', format: 'pem' }) as string,
    fingerprint: fingerprintOf(first.raw),
  };
}

/** `sha256:` and 64 hex digits, over the certificate as it is sent (DER). */
export const fingerprintOf = (der: Uint8Array): string =>
  `sha256:${createHash('sha256').update(der).digest('hex')}`;

/** Renewed certificates are taken over so soon. */
const LOOK_EVERY_MS = 5000;

/** Calls `renewed` when the operator's files have changed to another good pair; a bad pair changes nothing. Answers how to stop. */
export function watchCertificate(
  options: CertificateOptions,
  renewed: (certificate: Certificate) => void,
  { clock, log }: { clock: Clock; log: Log },
  lookEveryMs = LOOK_EVERY_MS,
): () => void {
  if (options.certFile === '') return () => undefined;
  const stamp = async () => {
    const stats = await Promise.all([stat(options.certFile), stat(options.keyFile)]).catch(() => []);
    return stats.map(s => `${s.ino} ${s.mtimeMs} ${s.size}`).join();
  };
  let known = stamp();
  let looking = false;
  const look = async () => {
    const now = await stamp();
    if (now === (await known) || now === '') return;
    known = Promise.resolve(now);
    const certificate = await loadCertificate(options);
    renewed(certificate);
    log.info(
      { event: 'certificate-renewed', fingerprint: certificate.fingerprint },
      'certificate taken over',
    );
  };
  return every(
    clock,
    lookEveryMs,
    () => {
      if (looking) return;
      looking = true;
      look()
        .catch(error => log.warn({ event: 'certificate-refused', error: String(error) }, 'kept the old one'))
        .finally(() => {
          looking = false;
        });
    },
    'idle',
  );
}
