/** Clients that are not ours hold the double to reality: what one of them cannot use is no AMT. Their exchanges are kept in out/amt. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { repositoryRoot } from '../guest/root.ts';
import { AmtDouble } from './double.ts';
import { ADDRESSING, CIM, SOAP, WSMAN } from './envelopes.ts';
import { type Knobs, WELL } from './knobs.ts';
import { certificate } from './testing.ts';

const run = promisify(execFile);
const HOST = '127.0.0.1';
const WSL_MS = 10_000;
const TYPE = 'Content-Type: application/soap+xml;charset=UTF-8';
const dir = mkdtempSync(join(tmpdir(), 'shoal-clients-'));
const transcripts = join(repositoryRoot(), 'out', 'amt');
test.before(() => void mkdirSync(transcripts, { recursive: true }));
test.after(() => rmSync(dir, { recursive: true, force: true }));

/** In the dialect of openwsman and what stands on it: its own prefixes, `mustUnderstand`, `To` as a URL, four selectors. */
const openwsman = (action: string, resource: string, body: string, selectors = ''): string =>
  `<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="${SOAP}" xmlns:wsa="${ADDRESSING}" xmlns:wsman="${WSMAN}"><s:Header><wsa:Action s:mustUnderstand="true">${action}</wsa:Action><wsa:To s:mustUnderstand="true">http://${HOST}:16992/wsman</wsa:To><wsman:ResourceURI s:mustUnderstand="true">${resource}</wsman:ResourceURI><wsa:MessageID s:mustUnderstand="true">uuid:763c5fca-60f5-10f5-8002-01000000fc02</wsa:MessageID><wsa:ReplyTo><wsa:Address>${ADDRESSING}/role/anonymous</wsa:Address></wsa:ReplyTo>${selectors}</s:Header><s:Body>${body}</s:Body></s:Envelope>`;

const SERVICE = `${CIM}CIM_PowerManagementService`;
const GET = openwsman(
  'http://schemas.xmlsoap.org/ws/2004/09/transfer/Get',
  `${CIM}CIM_AssociatedPowerManagementService`,
  '',
);
const request = (state: number, name: string): string =>
  openwsman(
    `${SERVICE}/RequestPowerStateChange`,
    SERVICE,
    `<n1:RequestPowerStateChange_INPUT xmlns:n1="${SERVICE}"><n1:PowerState>${state}</n1:PowerState><n1:ManagedElement><wsa:Address>${ADDRESSING}/role/anonymous</wsa:Address><wsa:ReferenceParameters><wsman:ResourceURI>${CIM}CIM_ComputerSystem</wsman:ResourceURI><wsman:SelectorSet><wsman:Selector ${name}="Name">ManagedSystem</wsman:Selector></wsman:SelectorSet></wsa:ReferenceParameters></n1:ManagedElement></n1:RequestPowerStateChange_INPUT>`,
    '<wsman:SelectorSet><wsman:Selector Name="SystemName">Intel(r) AMT</wsman:Selector><wsman:Selector Name="Name">Intel(r) AMT Power Management Service</wsman:Selector></wsman:SelectorSet>',
  );

type Post = (url: string, body: string, password: string) => Promise<string>;
let files = 0;
const inFile = (text: string): string => {
  files += 1;
  const path = join(dir, `${files}.xml`);
  writeFileSync(path, text);
  return path;
};

const curl: Post = async (url, body, password) => {
  const secret = inFile(`user = "admin:${password}"\n`);
  const args = [
    '-sS',
    '-k',
    '--fail',
    '--digest',
    '-K',
    secret,
    '-H',
    TYPE,
    '--data-binary',
    `@${inFile(body)}`,
    url,
  ];
  return (await run('curl', args)).stdout;
};
const wget: Post = async (url, body, password) => {
  const args = ['-q', '-O-', '--no-check-certificate', '--user=admin', `--password=${password}`];
  return (await run('wget', [...args, `--header=${TYPE}`, `--post-file=${inFile(body)}`, url])).stdout;
};

const CLIENTS: Record<string, Post> = { curl, wget };

async function within(
  name: string,
  knobs: Partial<Knobs>,
  tls: boolean,
  work: (url: string, host: { now: number }, double: AmtDouble) => Promise<void>,
): Promise<void> {
  const host = {
    now: 4,
    state: () => host.now,
    request(state: number) {
      if (state !== 2 || host.now === 2) return 4097;
      host.now = 2;
      return 0;
    },
  };
  const double = new AmtDouble(host, knobs);
  const said: string[] = [];
  double.transcript = text => said.push(text);
  const port = await double.listen(HOST, 0, tls ? await certificate(dir) : undefined);
  try {
    await work(`${tls ? 'https' : 'http'}://${HOST}:${port}/wsman`, host, double);
  } finally {
    await double.close();
    writeFileSync(join(transcripts, `${name}.txt`), said.join('\n'));
  }
}

for (const [name, post] of Object.entries(CLIENTS)) {
  test(`${name} sees the machine asleep, wakes it, and sees it awake`, async () => {
    await within(name, { transitionMs: 200 }, false, async (url, host) => {
      assert.match(await post(url, GET, WELL.password), '<g:PowerState>4</g:PowerState>');
      assert.match(await post(url, request(2, 'Name'), WELL.password), '<g:ReturnValue>0</g:ReturnValue>');
      while (host.now !== 2) await new Promise(resolve => setTimeout(resolve, 20));
      assert.match(await post(url, GET, WELL.password), '<g:PowerState>2</g:PowerState>');
    });
  });

  test(`${name} does so over TLS too, and with an attribute that has a namespace`, async () => {
    await within(`${name}-tls`, {}, true, async (url, host) => {
      await post(url, request(2, 'wsman:Name'), WELL.password);
      assert.is(host.now, 2);
    });
  });

  test(`${name} is refused with a wrong password, and nothing wakes`, async () => {
    await within(`${name}-wrong`, {}, false, async (url, host, double) => {
      let failed = false;
      await post(url, request(2, 'Name'), 'not-this-one').catch(() => {
        failed = true;
      });
      assert.is(failed, true);
      assert.is(host.now, 4);
      assert.ok(double.refusals >= 1);
    });
  });
}

/** Debian's shell client of WS-Management, by its own words: each command in a directory of its own, its answer in a file. */
async function wsl(home: string, port: string, password: string, ...words: string[]): Promise<string> {
  const [name = '', ...args] = words;
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    WSENDPOINT: `${HOST}:${port}`,
    WSUSER: 'admin',
    WSPASS: password,
  };
  // Its exit code is that of a grep: what counts is what came back.
  const running = run(name, args, { cwd: home, env, timeout: WSL_MS });
  // It asks for what it does not know, and waits for an answer.
  running.child.stdin?.end();
  await running.catch(() => undefined);
  return readFileSync(join(home, 'response.xml'), 'utf8');
}

for (const by of ['wget', 'curl'])
  test(`wsl sees the machine asleep, by Get and by Enumerate, wakes it, and sees it awake: by ${by}`, async () => {
    const home = join(dir, `wsl-${by}`);
    mkdirSync(home);
    writeFileSync(join(home, '.wsl-config'), `WSNOSSL=true\n${by === 'wget' ? 'USEWGET=true\n' : ''}`);
    writeFileSync(join(home, '.curlrc'), 'digest\n');
    // It reads line by line.
    const reference = [
      `<wsa:EndpointReference xmlns:wsa="${ADDRESSING}" xmlns:wsman="${WSMAN}">`,
      `<wsa:Address>${ADDRESSING}/role/anonymous</wsa:Address>`,
      '<wsa:ReferenceParameters>',
      `<wsman:ResourceURI>${SERVICE}</wsman:ResourceURI>`,
      '<wsman:SelectorSet>',
      '<wsman:Selector Name="Name">Intel(r) AMT Power Management Service</wsman:Selector>',
      '</wsman:SelectorSet>',
      '</wsa:ReferenceParameters>',
      '</wsa:EndpointReference>\n',
    ].join('\n');
    writeFileSync(join(home, 'service.xml'), reference);
    const [, raw = ''] = /<s:Body>(.*)<\/s:Body>/.exec(request(2, 'Name')) ?? [];
    writeFileSync(join(home, 'raw.xml'), raw);
    await within(`wsl-${by}`, {}, false, async (url, host) => {
      const ask = (...words: string[]) => wsl(home, new URL(url).port, WELL.password, ...words);
      const CLASS = 'CIM_AssociatedPowerManagementService';
      assert.match(await ask('wslget', CLASS), /PowerState>4</);
      assert.match(await ask('wslenum', CLASS), /PowerState>4</);
      const wake = [
        'CIM_PowerManagementService',
        'RequestPowerStateChange',
        '-inst',
        'service.xml',
        '-raw',
        'raw.xml',
      ];
      assert.match(await ask('wslinvoke', ...wake), /ReturnValue>0</);
      assert.is(host.now, 2);
      assert.match(await ask('wslget', CLASS), /PowerState>2</);
    });
  });

test('curl takes the stronger digest of AMT 14 and newer, and nonces that are used up', async () => {
  await within('curl-amt14', { qop: 'auth-int, auth', nonceUses: 1 }, false, async (url, host) => {
    for (let i = 0; i < 3; i++) assert.match(await curl(url, GET, WELL.password), 'PowerState');
    await curl(url, request(2, 'Name'), WELL.password);
    assert.is(host.now, 2);
  });
});

test('what is asked for but not done is a number, as AMT has it: an awake machine, an unknown element', async () => {
  await within('curl-values', {}, false, async (url, host) => {
    host.now = 2;
    assert.match(await curl(url, request(2, 'Name'), WELL.password), '<g:ReturnValue>4097<');
    const bare = request(2, 'Name').replace(
      /<wsman:SelectorSet><wsman:Selector Name="Name">ManagedSystem.*?<\/wsman:SelectorSet>/,
      '',
    );
    assert.match(await curl(url, bare, WELL.password), '<g:ReturnValue>5<');
  });
});

test('a class that AMT does not have is a fault with status 400', async () => {
  await within('curl-unknown', {}, false, async url => {
    const unknown = GET.replaceAll('CIM_AssociatedPowerManagementService', 'CIM_NoSuchThing');
    const error = await curl(url, unknown, WELL.password).catch(e => e);
    assert.match(String(error.stderr), '400');
  });
});

test('an exchange that is kept does not hold what a password could be guessed from', async () => {
  await within('curl-redacted', {}, false, async (url, _host, double) => {
    const said: string[] = [];
    double.transcript = text => said.push(text);
    await curl(url, GET, WELL.password);
    assert.match(said.join(''), 'response=…');
    assert.not.match(said.join(''), /response="?[0-9a-f]{32}/);
  });
});

test.run();
