import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ShoalError } from '../errors.ts';
import { ConfigError, loadConfig, parseConfig } from './config.ts';
import { reference } from './reference.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-config-'));
test.after(() => rmSync(dir, { recursive: true }));

function faultsOf(text: string): ConfigError {
  try {
    parseConfig(text, 'shoal.yaml');
  } catch (error) {
    assert.instance(error, ConfigError);
    return error as ConfigError;
  }
  assert.unreachable(`no fault was found in:\n${text}`);
  throw new Error();
}

test('an empty file is a node with every default', () => {
  const config = parseConfig('', 'shoal.yaml');
  assert.is(config.node.name, hostname());
  assert.is(config.mode, 'auto');
  assert.is(config.policy.overloadPercent, 90);
  assert.equal(config.mesh.listen, ['/ip4/0.0.0.0/tcp/7420']);
  assert.equal(config.vms.runAs, { uid: 0, gid: 0 });
});

test('a section that is named but empty has its defaults', () => {
  assert.is(parseConfig('http:\nnode: { name: a }', 'x').http.listen, '0.0.0.0:7421');
});

test('three faults are told in one error, each with file, line, key and the mend', async () => {
  const path = join(dir, 'three.yaml');
  writeFileSync(
    path,
    'node: { name: n0 }\nmesh:\n  reportIntervalMs: 1000\n  staleAfterMs: 1500\npolicy:\n  idlPercent: 30\nwindowMs: soon\n',
  );
  const error = (await loadConfig(path).then(
    () => undefined,
    e => e,
  )) as ConfigError;
  assert.is(error.code, 'SHOAL_CONFIG_INVALID');
  assert.is(error.where, path);
  assert.equal(
    error.faults.map(f => [f.path, f.line]),
    [
      ['policy.idlPercent', 6],
      ['windowMs', 7],
      ['mesh.staleAfterMs', 4],
    ],
  );
  for (const f of error.faults) {
    assert.is(f.file, path);
    assert.ok(f.what && f.todo, f.path);
    assert.match(error.line(), `${path}:${f.line}: ${f.path}: ${f.what}. ${f.todo}`);
  }
  assert.match(error.line(), 'Did you mean "idlePercent"?');
  assert.match(error.line(), 'Give 2000 or more');
  assert.match(error.line(), '"soon" is not a whole number. Give 1000 to 600000 ms');
});

const BAD: [string, string, RegExp][] = [
  [
    'idle node above what packing fills',
    'policy: { idlePercent: 70 }',
    /policy.idlePercent: 70 % is not below/,
  ],
  ['every VM inactive', 'policy: { activeVmPercent: 95 }', /policy.activeVmPercent/],
  ['a window shorter than a report', 'windowMs: 1000\nmesh: { reportIntervalMs: 1200 }', /windowMs: 1000 ms/],
  ['a cgroup that is asked for but not named', 'cpu: { source: cgroup }', /cpu.cgroup.*none is named/],
  ['a cgroup that would not be read', 'cpu: { cgroup: /sys/fs/cgroup/x }', /Set source to cgroup/],
  ['cores that nobody reads', 'cpu: { cores: 3, coreSet: [0, 1] }', /cpu.cores: 3 cores/],
  ['a reserve that leaves nothing', 'memory: { guestMemoryMib: 512, reserveMib: 512 }', /memory.reserveMib/],
  [
    'a socket path longer than Linux has',
    `control: { socket: /${'x'.repeat(120)} }`,
    /121 bytes are too long/,
  ],
  ['one port twice', 'http: { listen: "0.0.0.0:7420" }', /mesh.listen has port 7420 too/],
  ['plain and secure HTTP on one port', 'http: { https: "0.0.0.0:7421" }', /http.listen has port 7421 too/],
  [
    'HTTPS on the port of the mesh',
    'http: { https: "0.0.0.0:7420" }',
    /http.https: mesh.listen has port 7420/,
  ],
  [
    'a certificate without its key',
    'http: { https: "0.0.0.0:7422", certificate: /etc/x.pem }',
    /http.key: a certificate and its key go together/,
  ],
  [
    'a certificate that nothing uses',
    'http: { certificate: /etc/x.pem, key: /etc/x.key }',
    /not used while http.https is empty/,
  ],
  ['no such port', 'http: { listen: "0.0.0.0:70000" }', /there is no port 70000/],
  ['an unknown machine type', 'vms: { machines: [pc, q53] }', /vms.machines.1: "q53".*Did you mean "q35"/],
  ['a peer without id', 'mesh: { peers: [ { addresses: [] } ] }', /mesh.peers.0: id is missing/],
  [
    'memory from peers at an address that only this machine has',
    `mesh: { peers: [ { id: 12D3KooW${'x'.repeat(44)} } ] }`,
    /migration.address: 127.0.0.1 is this machine alone/,
  ],
  ['an address that is none', 'mesh: { listen: ["10.0.0.1:7420"] }', /like \/ip4\/198.18.0.2\/tcp\/7420/],
  ['a mode that is none', 'mode: on', /"on" is none of observe, advise, auto/],
  ['a list instead of keys', '- node', /must hold keys and values/],
  ['a relative path', 'memory: { ramDir: dev/shm }', /memory.ramDir.*an absolute path/],
];
for (const [what, text, pattern] of BAD) {
  test(`refused: ${what}`, () => {
    const error = faultsOf(text);
    assert.is(error.faults.length, 1, error.line());
    assert.match(error.line(), pattern);
  });
}

test('a window of bulk adapts or is fixed, and a fixed one is whole pages', () => {
  for (const [bytes, faults] of [
    [0, []],
    [65_536, []],
    [69_632, []],
    [65_537, ['migration.bulkWindowBytes']],
    [4096, []],
    [65_535, ['migration.bulkWindowBytes']],
    [1, ['migration.bulkWindowBytes']],
  ] as const) {
    const yaml = `migration: { bulkWindowBytes: ${bytes} }`;
    if (faults.length === 0) assert.is(parseConfig(yaml, 'f').migration.bulkWindowBytes, bytes);
    else
      assert.equal(
        faultsOf(yaml).faults.map(f => f.path),
        faults,
      );
  }
});

test('a cap that would keep a VM on two nodes for months is refused, with the unit and what to write', () => {
  for (const bytes of [0, 1_000_000, 104_857_600])
    assert.is(
      parseConfig(`migration: { bulkBytesPerSecond: ${bytes} }`, 'f').migration.bulkBytesPerSecond,
      bytes,
    );
  for (const bytes of [1, 100, 999_999]) {
    const line = faultsOf(`migration: { bulkBytesPerSecond: ${bytes} }`).line();
    assert.match(line, `migration.bulkBytesPerSecond: a cap of ${bytes} bytes a second`);
    assert.match(line, 'Give 1000000 bytes a second or more (100 MiB/s is 104857600), or 0 for no cap');
  }
});

test('a relation is not judged on a key that is faulty by itself', () => {
  const error = faultsOf('mesh: { reportIntervalMs: often, staleAfterMs: 1000 }');
  assert.equal(
    error.faults.map(f => f.path),
    ['mesh.reportIntervalMs'],
  );
});

test('a file that is no YAML is told with its line', () => {
  const error = faultsOf('node: { name: a }\nmesh: [1\n');
  assert.is(error.code, 'SHOAL_CONFIG_YAML');
  assert.ok(error.faults[0]!.line >= 2);
  assert.is(faultsOf('mode: auto\nmode: advise').code, 'SHOAL_CONFIG_YAML');
});

test('a file that is not there is one clear error', async () => {
  const error = await loadConfig(join(dir, 'none.yaml')).catch(e => e);
  assert.instance(error, ShoalError);
  assert.is(error.code, 'SHOAL_CONFIG_FILE');
  assert.match(error.line(), 'does not exist');
});

test('docs/reference/config.md is what the schema says, and names every key with its default', () => {
  const page = readFileSync(new URL('../../../docs/reference/config.md', import.meta.url), 'utf8');
  assert.is(page, reference());
  const walk = (prefix: string, value: object): void => {
    for (const [key, part] of Object.entries(value)) {
      const isGroup = typeof part === 'object' && !Array.isArray(part);
      if (isGroup) walk(`${prefix}${key}.`, part);
      else if (prefix + key !== 'node.name') {
        const shown = typeof part === 'string' ? part || '""' : JSON.stringify(part);
        assert.match(page, `| \`${prefix}${key}\` | \`${shown}\``);
      }
    }
  };
  walk('', parseConfig('', 'x'));
});

test('an alias of nothing, one inside what it names, and aliases that would fill the memory are faults of the file', () => {
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
  for (const [i, name] of [...'bcdefghi'].entries()) {
    const before = 'abcdefghi'[i];
    bomb.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(', ')}]`);
  }
  for (const text of ['mode: *nobody', 'a: &a [1, *a]', 'node: &n { name: *n }', bomb.join('\n')]) {
    try {
      parseConfig(text, 'shoal.yaml');
      assert.unreachable('it was taken');
    } catch (error) {
      assert.is((error as { code?: string }).code, 'SHOAL_CONFIG_YAML');
    }
  }
});

test.run();
