/**
 * HTTP digest access authentication as AMT speaks it (RFC 2617, RFC 7616): MD5, `auth` or `auth-int`, a realm that is the machine's
 * own. Pure but for the client nonce, which the caller brings.
 */
import { createHash } from 'node:crypto';

export type Challenge = {
  realm: string;
  nonce: string;
  opaque: string;
  isStale: boolean;
  qop: 'auth' | 'auth-int';
};

/** Parameters of `WWW-Authenticate`: names, and values that may be quoted and then hold commas. */
const PARAMETER = /([a-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/gi;

/** Undefined: it asks for something else than a digest that protects a request. */
export function parseChallenge(header: string): Challenge | undefined {
  if (!/^digest\s/i.test(header)) return undefined;
  const said = new Map<string, string>();
  for (const [, name = '', quoted, bare] of header.slice('digest'.length).matchAll(PARAMETER))
    said.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? bare ?? '');
  const [realm, nonce] = [said.get('realm'), said.get('nonce')];
  const algorithm = said.get('algorithm') ?? 'MD5';
  const offered = (said.get('qop') ?? '').split(',').map(one => one.trim().toLowerCase());
  // Without it a request can be told again with another body: no AMT that is known leaves it out.
  const qop = offered.includes('auth-int') ? 'auth-int' : offered.includes('auth') ? 'auth' : undefined;
  if (!realm || !nonce || !qop || algorithm.toUpperCase() !== 'MD5') return undefined;
  const isStale = said.get('stale')?.toLowerCase() === 'true';
  return { realm, nonce, opaque: said.get('opaque') ?? '', isStale, qop };
}

export type Request = { method: string; uri: string; body: string };
export type Credential = { username: string; password: string };

/** `count`: of requests with this nonce, this one included. */
export function authorization(
  { realm, nonce, opaque, qop }: Challenge,
  { method, uri, body }: Request,
  { username, password }: Credential,
  count: number,
  cnonce: string,
): string {
  const nc = count.toString(16).padStart(8, '0');
  const secret = md5(`${username}:${realm}:${password}`);
  const what = md5(`${method}:${uri}${qop === 'auth-int' ? `:${md5(body)}` : ''}`);
  const response = md5(`${secret}:${nonce}:${nc}:${cnonce}:${qop}:${what}`);
  const quoted = { username, realm, nonce, uri, response, cnonce, ...(opaque !== '' && { opaque }) };
  const parts = Object.entries(quoted).map(([name, value]) => `${name}="${value.replace(/["\\]/g, '\\$&')}"`);
  return `Digest ${[...parts, `qop=${qop}`, `nc=${nc}`].join(', ')}`;
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
