/** Real namespaces, groups, agents and a real guest: whatever becomes of a harness, nothing of its lab stays. Needs root. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isAlive, type ProcessId, startTicks } from '@shoal/agent/edge/vmm/processes';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { processesIn } from './cgroups.ts';
import { bringUp, openLab, takeDown } from './index.ts';
import { inNetns, ip } from './network.ts';
import { type LabState, labDir, loadLab } from './state.ts';
import { nodeProcesses } from './teardown.ts';

const NAME = `t${process.pid % 10_000_000}`;
const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
/** Ends with 0 if the agent's port takes a connection within a second. */
const DIAL = `const s = require('net').connect(7421, process.argv[1], () => process.exit(0));
s.on('error', () => process.exit(1)); setTimeout(() => process.exit(1), 1000)`;
const WAIT_MS = 90_000;
const test = suite('leftovers of a lab');
const asRoot = process.getuid?.() === 0 ? test : test.skip;

/** A harness in a process of its own, in its own session. */
function harness(...args: string[]) {
  const flags = ['--conditions=source', '--import', 'tsx'];
  const child = spawn(process.execPath, [...flags, MAIN, ...args, '--name', NAME], {
    stdio: 'ignore',
    detached: true,
  });
  const ended = new Promise<number | null>(resolve => child.on('exit', code => resolve(code)));
  return { child, ended };
}

async function until(what: string, look: () => boolean): Promise<void> {
  const endMs = Date.now() + WAIT_MS;
  while (!look()) {
    if (Date.now() > endMs) throw new Error(`not within ${WAIT_MS} ms: ${what}`);
    await sleep(5);
  }
}

/** Everything of the lab that can be seen on the machine, whatever its state file says. */
async function leftovers(processes: ProcessId[] = []): Promise<string[]> {
  const names = (dir: string) => (existsSync(dir) ? readdirSync(dir) : []);
  const groups = ['', 'cpu', 'cpuacct', 'cpuset'].map(controller => `/sys/fs/cgroup/${controller}`);
  const links = await ip('-br', 'link');
  return [
    ...['/run', '/run/netns', '/dev/shm', ...groups].flatMap(dir =>
      names(dir)
        .filter(name => name.startsWith(`shoal-${NAME}`))
        .map(name => `${dir}/${name}`),
    ),
    ...links.split('\n').filter(line => line.startsWith(`sh${NAME.slice(0, 4)}-`)),
    ...[labDir(NAME), `${labDir(NAME)}.json`].filter(existsSync),
    ...processes.filter(isAlive).map(id => `process ${id.pid}`),
  ];
}

const processesOf = (state: LabState): ProcessId[] =>
  state.nodes.flatMap(n => {
    const { vmms, pageServers } = nodeProcesses(n);
    return [...(n.agent ? [n.agent] : []), ...vmms, ...pageServers];
  });

test.after.each(async () => {
  await takeDown(NAME);
});

const moments: [string, (state: LabState) => boolean][] = [
  ['when nothing is made yet', () => true],
  ['when the first namespace is there', s => existsSync(`/run/netns/${s.nodes[0]?.netns}`)],
  ['when the last group is there', s => existsSync(s.nodes[1]?.cgroups.vms[0] ?? '-')],
  ['when the first agent was started', s => s.nodes[0]?.agent !== undefined],
];
for (const [moment, come] of moments) {
  asRoot(`a harness that is killed ${moment} leaves nothing after down`, async () => {
    const { child, ended } = harness('up', '--nodes', '2', '--mode', 'observe');
    await until(moment, () => {
      const state = loadLab(NAME);
      return state !== undefined && come(state);
    });
    child.kill('SIGKILL');
    await ended;
    const state = loadLab(NAME) as LabState;
    // By start time: a dead process that nobody has waited for yet still has its place in /proc.
    const inGroups = processesIn(state.nodes.flatMap(n => n.cgroups.all)).map(pid => ({
      pid,
      startTicks: startTicks(pid) ?? '',
    }));
    assert.ok(await takeDown(NAME));
    assert.equal(await leftovers([...processesOf(state), ...inGroups]), []);
  });
}

for (const [end, words] of [
  ['calls process.exit', 'process.exit(3)'],
  ['dies of an error that nobody catches', 'setTimeout(() => { throw new Error("on purpose") })'],
] as const) {
  asRoot(`a harness that ${end} takes its lab with it`, async () => {
    const index = fileURLToPath(new URL('index.ts', import.meta.url));
    const wish = { name: NAME, nodes: 2, driver: 'micro', net: 'netns', link: 'none', cores: 'none' };
    // A clean-up that ran this script again would bring up lab after lab: the second one ends at once instead.
    const script = `if (process.env.SHOAL_TEST_ONCE) process.exit(9);
      process.env.SHOAL_TEST_ONCE = '1';
      const { bringUp } = await import(${JSON.stringify(index)});
      await bringUp(${JSON.stringify({ ...wish, mode: 'observe' })}); ${words}`;
    const flags = ['--conditions=source', '--import', 'tsx', '--input-type=module', '-e', script];
    const child = spawn(process.execPath, flags, { stdio: 'ignore', detached: true });
    let processes: ProcessId[] = [];
    const ended = new Promise<number | null>(resolve => child.on('exit', resolve));
    await until('agents', () => {
      const nodes = loadLab(NAME)?.nodes ?? [];
      processes = nodes.flatMap(n => (n.agent ? [n.agent] : []));
      return processes.length === 2;
    });
    assert.is(await ended, words.includes('3') ? 3 : 1);
    assert.equal(await leftovers(processes), []);
  });
}

asRoot(
  'a harness that is killed leaves no client, nor who ran there, nor a bridge for VMs after down',
  async () => {
    const wish = { name: NAME, nodes: 1, driver: 'micro', net: 'netns', link: '1gbit', cores: 'none' };
    const script = `const { spawn } = await import('node:child_process');
    const { bringUp } = await import(${JSON.stringify(fileURLToPath(new URL('index.ts', import.meta.url)))});
    const lab = await bringUp(${JSON.stringify({ ...wish, mode: 'observe', vmBridge: true, clients: 1 })});
    const at = '--net=/run/netns/' + lab.clients[0].netns;
    const asks = spawn('nsenter', [at, 'sleep', '600'], { detached: true, stdio: 'ignore' });
    await new Promise(resolve => asks.on('spawn', resolve));
    process.stdout.write(String(asks.pid));
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 200);`;
    const flags = ['--conditions=source', '--import', 'tsx', '--input-type=module', '-e', script];
    const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
    let said = '';
    child.stdout.on('data', text => {
      said += text;
    });
    await new Promise(resolve => child.on('exit', resolve));
    const asks = { pid: Number(said), startTicks: startTicks(Number(said)) ?? '' };
    assert.ok(asks.pid > 0 && isAlive(asks), 'who runs in the namespace of a client outlives the harness');
    const processes = [asks, ...processesOf(loadLab(NAME) as LabState)];
    assert.ok(await takeDown(NAME));
    assert.equal(await leftovers(processes), []);
  },
);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  asRoot(`a harness that gets ${signal} while it makes its nodes removes them itself`, async () => {
    const { child, ended } = harness('up', '--nodes', '2', '--mode', 'observe');
    await until('a bridge', () =>
      (loadLab(NAME)?.nodes ?? []).some(n => existsSync(`/run/netns/${n.netns}`)),
    );
    child.kill(signal);
    assert.is(await ended, 130);
    assert.equal(await leftovers(), []);
  });
}

asRoot('a lab that is left running survives its harness; a killed VM and agents go with down', async () => {
  const { ended } = harness('up', '--nodes', '2', '--vms', '1', '--memory', '128', '--mode', 'observe');
  assert.is(await ended, 0);
  const processes = processesOf(loadLab(NAME) as LabState);
  assert.is(processes.filter(isAlive).length, 3, 'two agents and a VM');
  const lab = await openLab(NAME);
  await lab.kill('node0');
  await harness('down').ended;
  assert.equal(await leftovers(processes), []);
});

asRoot('a link that is cut carries nothing between two nodes until it is healed, others go on', async () => {
  const lab = await bringUp({
    name: NAME,
    nodes: 3,
    driver: 'qemu',
    net: 'netns',
    link: '1gbit',
    cores: 'quota',
    mode: 'observe',
  });
  try {
    const [n0, n1, n2] = lab.nodes;
    const reaches = (to: string) =>
      inNetns(n0?.netns ?? '', process.execPath, '-e', DIAL, to).then(
        () => true,
        () => false,
      );
    const [a, b] = [n1?.address ?? '', n2?.address ?? ''];
    assert.equal([await reaches(a), await reaches(b)], [true, true]);
    await lab.cut('node0', 'node1');
    assert.equal([await reaches(a), await reaches(b)], [false, true]);
    await lab.heal('node0', 'node1');
    assert.equal([await reaches(a), await reaches(b)], [true, true]);
  } finally {
    await lab.down();
  }
  assert.equal(await leftovers(), []);
});

test.run();
