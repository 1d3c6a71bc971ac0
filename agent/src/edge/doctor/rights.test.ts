import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../config/config.ts';
import { loadCertificate } from '../people/certificate.ts';
import { httpsCheck } from './https.ts';
import { judgeRecovery, recoveryCheck } from './rights.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-rights-'));
test.after(() => rmSync(dir, { recursive: true }));
const config = (text: string) => parseConfig(text, 'test');
const command = fileURLToPath(new URL('../../../native/target/release/shoal-pages', import.meta.url));
const DAY_MS = 86_400_000;

test('a node whose page servers cannot be replaced is told so: root is kept out only by 3, others by any', () => {
  const states = (root: boolean) => [-1, 0, 1, 2, 3].map(scope => judgeRecovery(scope, root).state);
  assert.equal(states(true), ['ok', 'ok', 'ok', 'ok', 'warn']);
  assert.equal(states(false), ['ok', 'ok', 'warn', 'warn', 'warn']);
  assert.match(judgeRecovery(1, false).todo, 'sysctl kernel.yama.ptrace_scope=0');
  assert.is(recoveryCheck().name, 'page recovery');
});

test('a certificate that has run out, or will soon, is told of before HTTPS goes', async () => {
  const https = join(dir, 'https');
  const certificate = await loadCertificate({ dir: https, command, certFile: '', keyFile: '' });
  const own = config(`node: { stateDir: ${dir} }\nhttp: { https: "0.0.0.0:7422" }`);
  const untilMs = Date.parse(new X509Certificate(certificate.cert).validTo);
  const before = (days: number) => httpsCheck(own, untilMs - days * DAY_MS).map(c => c.state);
  assert.equal([21, 19, 0.5, -1.5].map(before), [['ok'], ['warn'], ['warn'], ['fail']]);
  writeFileSync(join(https, 'cert.der'), 'none');
  assert.match(httpsCheck(own)[0]?.found ?? '', /is no certificate that can be read/);
});

test('a node without HTTPS, or that has yet to make its certificate, is told nothing', () => {
  const state = join(dir, 'state');
  mkdirSync(state);
  const own = config(`node: { stateDir: ${state} }\nhttp: { https: "0.0.0.0:7422" }`);
  assert.equal([httpsCheck(config('')), httpsCheck(own)], [[], []]);
});

test.run();
