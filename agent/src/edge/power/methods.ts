/** The ways to wake a node, as the configuration names them. */
import { readFile } from 'node:fs/promises';
import type { Config } from '../../config/config.ts';
import { ShoalError } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import type { Amt } from './amt/amt.ts';
import { readSecret } from './secrets.ts';
import type { WakeMethod } from './types.ts';
import { amtWake } from './wake/amt.ts';
import { commandWake } from './wake/command.ts';
import { WOL_PORT, wolWake } from './wake/wol.ts';

export type WakeEntry = Config['power']['wake'][number];

const AMT_TLS_PORT = 16_993;
const AMT_PORT = 16_992;

/** Credentials that an AMT refused, by the number that their operator gave them. */
export type Marks = {
  isRefused(node: string, version: number): boolean;
  refuse(node: string, version: number): void;
};

export type MethodsDeps = Marks & { clock: Clock };

/** Those of a node, in their order. */
export const methodsOf = (entries: readonly WakeEntry[], node: string, deps: MethodsDeps): WakeMethod[] =>
  entries.filter(entry => entry.node === node).map(entry => methodOf(entry, deps));

function methodOf(entry: WakeEntry, { clock, isRefused, refuse }: MethodsDeps): WakeMethod {
  const { node, method, ip, ipport, mac, command, status_sleep, password_version: version } = entry;
  if (method === 'command') return commandWake(node, command);
  if (method === 'wol') return wolWake(node, mac, ip, ipport || WOL_PORT);
  return amtWake({
    async amt() {
      if (isRefused(node, version))
        throw new ShoalError(
          'SHOAL_AMT_MARKED',
          `its password of version ${version} was refused before`,
          node,
          'Mend it, and raise password_version in power.wake',
        );
      return openAmt(entry);
    },
    lookMs: status_sleep * 1000,
    nowMs: () => clock.nowMs(),
    refused: () => refuse(node, version),
  });
}

/** A client of the node's AMT; its secret is read now. */
export async function openAmt(entry: WakeEntry): Promise<{ amt: Amt; close(): void }> {
  // A megabyte of code that most agents never need.
  const [{ Amt }, { Transport }] = await Promise.all([import('./amt/amt.ts'), import('./amt/transport.ts')]);
  const ssl = entry.ssl === 'on';
  const port = entry.ipport || (ssl ? AMT_TLS_PORT : AMT_PORT);
  const { ip, realm, username, ssl_fingerprint: fingerprint, ssl_ca: ca, login_timeout } = entry;
  const transport = new Transport({
    ...{ ip, port, ssl, fingerprint, realm },
    ca: ssl && ca !== '' ? await readFile(ca, 'utf8') : '',
    credential: { username, password: await readSecret(entry.password_file, entry.password_script) },
    timeoutMs: login_timeout * 1000,
  });
  return { amt: new Amt(transport, `AMT at ${ip}:${port}`), close: () => transport.close() };
}
