import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { aHandoff, aNode, aVm, TestApi } from '../edge/http/test-api.ts';
import { TestServer } from '../edge/http/test-server.ts';
import { shoal, shoalProcess } from './test-terminal.ts';

const api = new TestApi(
  [
    aNode('node0', { cpuPercent: 96 }),
    aNode('node1', { state: 'stale', ageMs: 45_000, http: '' }),
    aNode('', { state: 'unknown', ageMs: -1 }),
  ],
  [aVm('vm0', 'node0', { pinnedMs: 3_400_000 }), aVm('vm1', 'node1', { stale: true })],
);
const server = new TestServer(api);
test.before(() => server.start());
test.after(() => server.stop());
const ask = (...args: string[]) => shoal(['--socket', server.socket, ...args]);

test('the status shows nodes, VMs, handoffs and warnings of the whole cluster', async () => {
  api.cluster = {
    ...api.cluster,
    cooldownMs: 8000,
    warnings: ['node1 has been silent for 45 s'],
    handoffs: [aHandoff({ outcome: '', stage: 'transferring', residualPages: 12_345 })],
  };
  const { code, out, note } = await ask('status');
  assert.equal([code, note], [0, '']);
  assert.match(out, 'node0 sees 3 nodes, 2 VMs · mode auto · policy threshold 0f3a5c77 · cooldown 8.0 s');
  assert.match(out, /^node0 +awake +█████████▋ +96 % +3\.0 GiB of 8\.0 GiB +1 +0\.4 s$/m);
  assert.match(out, /^node1 +stale .* 45 s$/m);
  assert.match(out, /^…x{8} +unknown +–$/m);
  assert.match(out, /^vm0 +node0 +running +█████····· +50 % +1\.0 GiB +pinned 57 min$/m);
  assert.match(out, /^a1b2c3d4 +vm1 +node0 +node1 +postcopy +overload +transferring +12345$/m);
  assert.match(out, 'warning node1 has been silent for 45 s');
  assert.is(out.includes('\u001b'), false);
});

test('a paused mesh says so, with the node that was asked', async () => {
  api.cluster.nodes[0]!.pausedMs = 300_000;
  assert.match((await ask('status')).out, 'paused on node0 for 5 min: no moves by the rule');
  api.cluster.nodes[0]!.pausedMs = 0;
});

test('on a terminal there is colour, and with NO_COLOR there is none', async () => {
  const args = ['--socket', server.socket, 'status'];
  assert.match((await shoal(args, { outTty: true })).out, '\u001b[32mawake\u001b[39m');
  assert.is((await shoal(args, { outTty: true, env: { NO_COLOR: '1' } })).out.includes('\u001b'), false);
});

test('nodes, VMs, handoffs and decisions are shown from any node over HTTP too', async () => {
  const from = ['--node', server.url];
  assert.match((await shoal([...from, 'nodes'])).out, /^node0 +awake +auto +1 +96 % .* 198\.18\.0\.1:7421$/m);
  assert.match((await shoal([...from, 'vms'])).out, /^vm1 +node1 +running\? +1 +50 % /m);
  assert.match(
    (await shoal([...from, 'handoffs'])).out,
    / done +72 ms +62 ms +6000 ms +741 MB +812 +1\.9 ms +402 ms$/m,
  );
  assert.is((await shoal([...from, 'decisions'])).out, 'This node has kept no decision.\n');
  assert.is((await shoal([...from, 'explain', 'vm1'])).out, 'vm1 is running.\nThe rule asks for nothing.\n');
});

test('one handoff is shown with all its figures, by its id, its beginning or its VM', async () => {
  const shown = await ask('handoffs', 'a1b2c3d4');
  assert.equal(shown.out.split('\n').slice(0, 12), [
    'handoff a1b2c3d4-0000-4000-8000-000000000001',
    'vm      vm1, node0 → node1 by postcopy, overload',
    'stage   done',
    'time    switch 72 ms, blackout 62 ms, transfer 6000 ms',
    'wire    741 MB: urgent 3.3 MB, bulk 731 MB, state 300 kB, control 6.7 MB',
    'pages   179200 with data, none left',
    'link    0 reconnects, window 131 kB',
    'faults  812: p50 410 µs, p99 1.9 ms, max 5.2 ms',
    '            ≤ 250 µs  ▍···················  12',
    '            ≤ 500 µs  ████████████████████  700',
    '            ≤ 750 µs  █▍··················  50',
    '            ≤ 1.0 ms  ▋···················  20',
  ]);
  assert.match(
    shown.out,
    /^ {8}THREAD +STOOD +FAULTS\n {8}CPU 0\/KVM +310 ms +640\n {8}CPU 1\/KVM +92\.0 ms +172\n$/m,
  );
  for (const name of [aHandoff().handoff, 'vm1']) assert.equal(await ask('handoffs', name), shown, name);
  const plain = await shoal(['--socket', server.socket, 'handoffs', 'vm1'], { env: { NO_COLOR: '1' } });
  assert.match(plain.out, /^[ -~\n]*$/);
  assert.match(plain.out, '<= 500 us  ####################  700');
  assert.equal(JSON.parse((await ask('handoffs', 'vm1', '--json')).out), aHandoff());
  const none = await ask('handoffs', 'vm7');
  assert.match(
    none.note,
    /^shoal: none of the newest 500 handoffs here has that id or VM \(vm7\)\. See `shoal handoffs`\n$/,
  );
});

test('a handoff under way shows its rate and when it will be over, and a lost link for how long', async () => {
  const packed = { packedFromBytes: 4_000_000, packedBytes: 1_000_000, packedExtents: 16 };
  const flow = {
    dataPages: 1000,
    residualPages: 500,
    residualBytes: 2_048_000,
    linkLostMs: 3400,
    releasedBytes: 1_000_000,
  };
  api.handoffRows = [
    aHandoff({
      outcome: '',
      stage: 'transferring',
      ...flow,
      bytesPerSecond: 1_000_000,
      secondsLeft: 2,
      ...packed,
    }),
  ];
  const { out } = await ask('handoffs', 'vm1');
  assert.match(out, 'packed  4.0 MB went as 1.0 MB, in 16 extents\n');
  assert.match(
    out,
    'pages   1000 with data, 500 (2.0 MB) left, 2.0 s to go, 1.0 MB given back\nlink    link lost, waiting 3 s, 1.0 MB/s, 0 reconnects',
  );
  api.handoffRows = [aHandoff()];
});

test('a decision shows its moves and refusals in sentences', async () => {
  const move = {
    vm: 'u',
    name: 'vm0',
    from: 'a',
    to: 'b',
    reason: 'overload',
    engine: 'postcopy',
    projected: [],
    sentence: 'node0 is at 96 %',
  };
  const refusal = { code: 'pinned', vm: 'u', node: '', numbers: {}, sentence: 'vm1 is pinned' };
  const decision = { moves: [move], refusals: [refusal], wake: [], suspend: [] };
  const record = {
    id: 'd',
    atMs: 0,
    rule: 'threshold',
    policyHash: '',
    viewDigest: '',
    basis: [],
    view: { self: 'a', nodes: [] },
    decision,
    action: 'acted',
  };
  api.decisionRows = [record as unknown as TestApi['decisionRows'][number]];
  const { out } = await ask('decisions', '--limit', '5');
  assert.match(
    out,
    /^1970-.* {2}acted {2}threshold\n {2}move {5}vm0: overload\. node0 is at 96 %\n {2}refused {2}pinned\. vm1 is pinned\n$/,
  );
});

test('--json prints the answer of the agent as it is', async () => {
  for (const [command, path] of [
    ['status', '/v1/status'],
    ['vms', '/v1/vms'],
    ['nodes', '/v1/nodes'],
    ['handoffs', '/v1/handoffs'],
  ])
    assert.is((await ask(command!, '--json')).out, `${(await server.tcp('GET', path!)).text}\n`);
});

test('a name with escape codes does not reach the terminal', async () => {
  api.cluster.warnings = ['evil \u001b[2J'];
  assert.is((await ask('status')).out.includes('\u001b'), false);
});

test('what the agent refuses is one line on standard error and exit code 1', async () => {
  assert.equal(await ask('explain', 'vm7'), {
    code: 1,
    out: '',
    note: 'shoal: no VM has that name (vm7). See `shoal vms`\n',
  });
});

test('an agent that is not there is named with its socket and what to look at', async () => {
  const ran = await shoalProcess(['--socket', '/nonexistent/shoald.sock', 'status']);
  assert.is(ran.code, 1);
  assert.is(
    ran.note,
    'shoal: no agent answers: there is no such socket (/nonexistent/shoald.sock). See `systemctl status shoald`, or name another --socket\n',
  );
  const far = await shoal(['--node', 'http://127.0.0.1:1', 'status']);
  assert.match(
    far.note,
    /^shoal: no agent answers: nobody listens there \(http:\/\/127\.0\.0\.1:1\)\. See `systemctl status shoald` on that node.*\n$/,
  );
});

test('something else that listens there is no agent', async () => {
  const other = createServer((_, response) => response.end('<html>hello</html>'));
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve));
  try {
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const { code, note } = await shoal(['--node', url, 'vms']);
    assert.is(code, 1);
    assert.match(
      note,
      `shoal: it answers 200 with what is no answer of a Shoal agent of this version (${url})`,
    );
  } finally {
    other.close();
  }
});

test('bad usage is one line and exit code 2', async () => {
  const cases: [string[], RegExp][] = [
    [['bogus'], /^shoal: unknown command 'bogus'\. See --help\n$/],
    [['explain'], /^shoal: missing required argument 'name'\. See --help\n$/],
    [['status', '--colour'], /^shoal: unknown option '--colour'.* See --help\n$/s],
    [['handoffs', '--limit', '0'], /^shoal: that is no number of rows \(--limit 0\)\. /],
    [
      ['--node', 'node0:7421', 'status'],
      /^shoal: that is no address of a node \(--node node0:7421\)\. Write http/,
    ],
    [
      ['migrate', 'vm1', '--engine', 'warp'],
      /^shoal: there is no such engine \(--engine warp\)\. There are: /,
    ],
    ...['fast', '5QB', '-1', '99999999GB'].map((rate): [string[], RegExp] => [
      ['migrate', 'vm1', `--bandwidth=${rate}`],
      /^shoal: that is no bandwidth \(--bandwidth /,
    ]),
    ...[
      ['100', '100 bytes', '100MiB or 100mbit'],
      ['999999', '999999 bytes', '100MiB'],
      ['100kB', '100000 bytes', '100MiB or 100mbit'],
      ['7mbit', '875000 bytes', '100MiB'],
    ].map(([rate, said, todo]): [string[], RegExp] => [
      ['migrate', 'vm1', `--bandwidth=${rate}`],
      new RegExp(
        `^shoal: a cap of ${said} a second .*\\(--bandwidth ${rate}\\)\\. Write .*${todo}.*0 = no limit`,
      ),
    ]),
    [
      ['migrate', 'vm1', '--compression', 'best'],
      /^shoal: there is no such compression \(--compression best\)\. There are: auto, off, on/,
    ],
  ];
  for (const [args, note] of cases) {
    const ran = await ask(...args);
    assert.equal([ran.code, ran.out], [2, ''], args.join(' '));
    assert.match(ran.note, note);
  }
  assert.is((await shoal([])).code, 2);
  assert.is((await shoal(['--help'])).code, 0);
});

test('the help of migrate names every engine that it takes', async () => {
  const { out } = await shoal(['migrate', '--help']);
  assert.match(out.replace(/\s+/g, ' '), "postcopy, warm, precopy or qemu-postcopy (default: the VM's)");
});

test('the version of the agent is told beside that of the command', async () => {
  assert.is((await ask('version')).out, 'shoal   0.1.0\nshoald  0.1.0\n');
  assert.is(
    (await shoal(['--socket', '/nonexistent', 'version', '--json'])).out,
    '{"shoal":"0.1.0","agent":null}\n',
  );
});

test.run();
