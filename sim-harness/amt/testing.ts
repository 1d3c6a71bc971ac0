/** For tests of the double: a certificate as firmware has one, self-signed and of no name that matters. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** In `dir`; `fingerprint`: SHA-256, as openssl prints it. */
export async function certificate(dir: string): Promise<{ key: string; cert: string; fingerprint: string }> {
  const [keyFile, certFile] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const subject = ['-subj', '/CN=amt.invalid', '-days', '2'];
  await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    keyFile,
    '-out',
    certFile,
    ...subject,
  ]);
  const [key, cert] = [await readFile(keyFile, 'utf8'), await readFile(certFile, 'utf8')];
  return { key, cert, fingerprint: new X509Certificate(cert).fingerprint256 };
}
