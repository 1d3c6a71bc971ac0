/**
 * The digest of an AMT, from the other side (RFC 2617, RFC 7616): it believes nothing that it has not worked out itself. Not the
 * agent's code: a fault that both had would be found by nobody.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Knobs } from './knobs.ts';

export type Asked = { method: string; uri: string; body: string; authorization: string };
export type Verdict = { ok: true } | { ok: false; isStale: boolean; why: string };

const md5 = (...parts: string[]): string => createHash('md5').update(parts.join(':')).digest('hex');

export class Gatekeeper {
  readonly #knobs: Knobs;
  /** Highest count seen of each nonce, and how often it was used. */
  readonly #nonces = new Map<string, { count: number; uses: number }>();
  /** For whoever asks how often somebody was refused: AMT counts too. */
  refusals = 0;

  constructor(knobs: Knobs) {
    this.#knobs = knobs;
  }

  /** Of `WWW-Authenticate`; spaced as AMT spaces it. */
  challenge(isStale: boolean): string {
    const nonce = randomBytes(24).toString('base64');
    this.#nonces.set(nonce, { count: 0, uses: 0 });
    const { realm, qop } = this.#knobs;
    return `Digest realm="${realm}", nonce="${nonce}",stale="${isStale}",qop="${qop}"`;
  }

  judge({ method, uri, body, authorization }: Asked): Verdict {
    if (authorization === '') return { ok: false, isStale: false, why: 'no digest' };
    const said = fieldsOf(authorization);
    const nonce = this.#nonces.get(said.nonce ?? '');
    if (!nonce) return { ok: false, isStale: true, why: 'a nonce that was never given, or long ago' };
    const right = this.#response(said, method, uri, body);
    if (right === undefined) return this.#no('no qop that is offered');
    if (said.username !== this.#knobs.username || said.realm !== this.#knobs.realm || said.uri !== uri)
      return this.#no('another user, realm or path');
    if (said.response !== right) return this.#no('a wrong response');
    const count = said.qop === undefined ? nonce.count + 1 : Number.parseInt(said.nc ?? '', 16);
    // Clients count on across nonces: any count that rises is good.
    if (!(count > nonce.count)) return this.#no('a count that does not rise: the request is told again');
    nonce.count = count;
    nonce.uses += 1;
    if (nonce.uses > this.#knobs.nonceUses) {
      this.#nonces.delete(said.nonce ?? '');
      return { ok: false, isStale: true, why: 'a nonce that is used up' };
    }
    return { ok: true };
  }

  #response(
    said: Partial<Record<string, string>>,
    method: string,
    uri: string,
    body: string,
  ): string | undefined {
    const { username, realm, password, qop, takesBareDigest } = this.#knobs;
    const secret = md5(username, realm, password);
    const { nonce = '', nc = '', cnonce = '' } = said;
    if (said.qop === undefined) return takesBareDigest ? md5(secret, nonce, md5(method, uri)) : undefined;
    if (!qop.split(',').some(one => one.trim() === said.qop)) return undefined;
    const what = said.qop === 'auth-int' ? md5(method, uri, md5(body)) : md5(method, uri);
    return md5(secret, nonce, nc, cnonce, said.qop, what);
  }

  #no(why: string): Verdict {
    this.refusals += 1;
    return { ok: false, isStale: false, why };
  }
}

function fieldsOf(header: string): Partial<Record<string, string>> {
  const fields: Partial<Record<string, string>> = {};
  const rest = header.replace(/^\s*Digest\s+/i, '');
  for (const [, name = '', quoted, bare] of rest.matchAll(/(\w+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^,\s]*))/g))
    fields[name.toLowerCase()] = quoted === undefined ? bare : quoted.replace(/\\(.)/g, '$1');
  return fields;
}
