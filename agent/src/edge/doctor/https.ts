/** The certificate that this node answers HTTPS with: an expired one keeps the agent from starting. */
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { type Check, fail, ok, warn } from './check.ts';

const NAME = 'https';
const DAY_MS = 86_400_000;
/** Authorities that renew by themselves do it 30 days ahead: what is left of less has gone wrong. */
const SOON_DAYS = 20;

/** Nothing where HTTPS is not configured, or the agent has still to make a certificate. */
export function httpsCheck({ http, node }: Pick<Config, 'http' | 'node'>, nowMs = Date.now()): Check[] {
  const file = http.certificate || join(node.stateDir, 'https', 'cert.der');
  if (http.https === '' || (http.certificate === '' && !existsSync(file))) return [];
  const own = http.certificate === '';
  const todo = own
    ? `Stop the agent, remove ${join(file, '..')}, start it: it makes another`
    : 'Renew it; the agent takes it over';
  let until: number;
  try {
    until = Date.parse(new X509Certificate(readFileSync(file)).validTo);
  } catch (error) {
    return [fail(NAME, `${file} is no certificate that can be read: ${(error as Error).message}`, todo)];
  }
  const days = Math.floor((until - nowMs) / DAY_MS);
  const day = new Date(until).toISOString().slice(0, 10);
  if (days < 0) return [fail(NAME, `the certificate was valid until ${day}`, todo)];
  if (days < SOON_DAYS) return [warn(NAME, `the certificate is valid until ${day} only`, todo)];
  return [ok(NAME, `on ${http.https}, the certificate is valid until ${day}`)];
}
