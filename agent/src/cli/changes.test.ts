import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { aHandoff } from '../edge/http/test-api.ts';
import { TestServer } from '../edge/http/test-server.ts';
import { shoal, shoalProcess } from './test-terminal.ts';

const server = new TestServer();
const { api } = server;
const dir = mkdtempSync(join(tmpdir(), 'shoal-cli-'));
test.before(() => server.start());
test.after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true });
});
test.before.each(() => {
  api.asked.length = 0;
  api.handoffRows = [aHandoff()];
});
const ask = (...args: string[]) => shoal(['--socket', server.socket, ...args]);

/** As the command tells the agent who sits here. */
const ME = `socket:${userInfo().username}`;

const CHANGES: [string[], unknown[], string][] = [
  [['start', 'vm1'], ['start', 'vm1'], 'vm1 runs.\n'],
  [['stop', 'vm1'], ['stop', 'vm1'], 'vm1 has powered down.\n'],
  [['destroy', 'vm1'], ['destroy', 'vm1'], 'vm1 is destroyed.\n'],
  [['cancel', 'vm1'], ['cancel', 'vm1'], 'vm1 stays here unless its handoff is committed already.\n'],
  [['unpin', 'vm1'], ['unpin', 'vm1'], 'vm1 may be moved by the rule again.\n'],
  [
    ['resolve', 'vm1', '--peer-is-off'],
    ['resolve', 'vm1', 'peer-is-off', ME],
    'vm1 starts here from its disks: handoff a1b2c3d4 is resolved.\n',
  ],
  [
    ['resolve', 'vm1', '--from-disk'],
    ['resolve', 'vm1', 'from-disk', ME],
    'vm1 starts here from its disks: handoff a1b2c3d4 is resolved.\n',
  ],
  [['cordon'], ['cordon', true], 'This node takes no more VMs.\n'],
  [['uncordon'], ['cordon', false], 'This node takes VMs again.\n'],
  [['pause', '--for', '90s'], ['pause', 90_000], 'No moves by the rule for 90 s.\n'],
  [['pause'], ['pause', 600_000], 'No moves by the rule for 10 min.\n'],
  [['mode', 'observe'], ['mode', 'observe'], 'The mode of this node is observe.\n'],
  [['resume'], ['resume'], 'The rule moves VMs again.\n'],
  [
    ['migrate', 'vm1'],
    ['migrate', 'vm1', undefined, undefined],
    'vm1 moves to node0 and is pinned there for 60 min: handoff a1b2c3d4. See `shoal handoffs`.\n',
  ],
  [
    ['migrate', 'vm1', '--compression', 'off'],
    ['migrate', 'vm1', undefined, undefined, { compression: 'off' }],
    'vm1 moves to node0 and is pinned there for 60 min: handoff a1b2c3d4. See `shoal handoffs`.\n',
  ],
  [
    ['migrate', 'vm1', '--bandwidth', '12.5MB/s', '--early-release'],
    ['migrate', 'vm1', undefined, undefined, { bulkBytesPerSecond: 12_500_000, earlyRelease: 'on' }],
    'vm1 moves to node0 and is pinned there for 60 min: handoff a1b2c3d4. See `shoal handoffs`.\n',
  ],
  [
    ['migrate', 'vm1', '--bandwidth', '100mbit'],
    ['migrate', 'vm1', undefined, undefined, { bulkBytesPerSecond: 12_500_000 }],
    'vm1 moves to node0 and is pinned there for 60 min: handoff a1b2c3d4. See `shoal handoffs`.\n',
  ],
  [
    ['migrate', 'vm1', '--bandwidth', '0'],
    ['migrate', 'vm1', undefined, undefined, { bulkBytesPerSecond: 0 }],
    'vm1 moves to node0 and is pinned there for 60 min: handoff a1b2c3d4. See `shoal handoffs`.\n',
  ],
  [
    ['migrate', 'vm1', 'node0', '--engine', 'precopy'],
    ['migrate', 'vm1', 'node0', 'precopy'],
    'vm1 moves to node0 and is pinned there for 60 min: handoff a1b2c3d4. See `shoal handoffs`.\n',
  ],
];
for (const [args, asked, out] of CHANGES) {
  test(`shoal ${args.join(' ')} asks the agent for just that`, async () => {
    assert.equal(await ask(...args), { code: 0, out, note: '' });
    assert.equal(api.asked, [asked]);
  });
  test(`shoal ${args.join(' ')} changes nothing over TCP, and says where to run it`, async () => {
    const ran = await shoal(['--node', server.url, ...args]);
    assert.is(ran.code, 1);
    assert.match(
      ran.note,
      /^shoal: changes need the unix socket of the node, or HTTPS with a token .*\. Run it on that node, without --node; or /,
    );
    assert.equal(api.asked, []);
  });
}

test('shoal resolve without a word tells what is known and asks for nothing to be done, also over TCP', async () => {
  const out = 'The newest record here is `committed`.\nnode0 last said `ready`.\n';
  assert.equal(await ask('resolve', 'vm1'), { code: 0, out, note: '' });
  assert.is((await shoal(['--node', server.url, 'resolve', 'vm1'])).out, out);
  assert.equal(api.asked, []);
});

test('shoal resolve takes one word at a time, and no dry run of none', async () => {
  assert.match((await ask('resolve', 'vm1', '--peer-is-off', '--from-disk')).note, 'one word at a time');
  assert.match((await ask('resolve', 'vm1', '--dry-run')).note, 'without a word nothing would be done');
  assert.equal(api.asked, []);
});

test('a change with nothing to tell answers {} in JSON', async () => {
  assert.is((await ask('start', 'vm1', '--json')).out, '{}\n');
  const moving = { handoff: aHandoff().handoff, source: 'node0', node: 'node0', pinnedMs: 3_600_000 };
  assert.is((await ask('migrate', 'vm1', '--json')).out, `${JSON.stringify(moving)}\n`);
});

test('a guest that had to be ended is told apart from one that powered down', async () => {
  api.forced = true;
  assert.is((await ask('stop', 'vm1')).out, 'vm1 did not power down in time and was ended.\n');
  api.forced = false;
});

for (const [args, asked] of CHANGES) {
  test(`shoal ${args.join(' ')} --dry-run says what it would do, and has nothing done`, async () => {
    const { code, out } = await ask(...args, '--dry-run');
    assert.is(code, 0);
    assert.match(out, /^Would .*: nothing hinders it\.\n$/);
    assert.equal(api.asked, [[...asked, 'dry']]);
  });
}

test('a VM runs from its spec file, and from standard input', async () => {
  const file = join(dir, 'vm.yaml');
  writeFileSync(file, 'name: web1\nmemory: 512MiB\n');
  assert.is((await ask('run', file)).out, 'web1 runs (00000000-0000-4000-8000-000000000vm9).\n');
  const piped = await shoalProcess(['--socket', server.socket, 'run', '-'], 'name: web2\nmemory: 1GiB\n');
  assert.is(piped.out, 'web2 runs (00000000-0000-4000-8000-000000000vm9).\n');
  assert.equal(api.asked, [
    ['run', { name: 'web1', memory: '512MiB' }],
    ['run', { name: 'web2', memory: '1GiB' }],
  ]);
});

test('a spec that is missing, empty or no YAML is told before the agent is asked', async () => {
  const bad = join(dir, 'bad.yaml');
  writeFileSync(bad, 'name: [');
  const empty = join(dir, 'empty.yaml');
  writeFileSync(empty, '');
  const cases: [string, RegExp][] = [
    [
      join(dir, 'none.yaml'),
      /^shoal: the spec cannot be read: ENOENT: no such file or directory \(.*none\.yaml\)\. /,
    ],
    [bad, /^shoal: it is not YAML: .* \(.*bad\.yaml\)\. Mend that line\n$/],
    [empty, /^shoal: the spec is empty \(.*empty\.yaml\)\. /],
  ];
  for (const [file, note] of cases) {
    const ran = await ask('run', file);
    assert.is(ran.code, 1);
    assert.match(ran.note, note);
  }
  assert.equal(api.asked, []);
});

test('migrate takes a timeout only to wait with', async () => {
  assert.is((await ask('migrate', 'vm1', '--timeout', '1s')).code, 2);
});

test.run();
