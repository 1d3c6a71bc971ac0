import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterStatus, HandoffStatus } from '@shoal/agent/edge/http/api.types';
import { isAlive } from '@shoal/agent/edge/vmm/processes';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bringUp, type Lab } from '../lab/index.ts';
import { assertAddsUp, assertCounted } from './figures.ts';
import { before, move, within } from './help.ts';

/** To and fro, by each engine in turn. */
const MOVES = 24;
const FILLED_MIB = 16;
/** Answered in milliseconds: on a busy machine much later. */
const GLANCE_MS = 20_000;

let lab: Lab;
const test = suite('micro guests');

before(test, async () => {
  lab = await bringUp({
    name: 'micro',
    nodes: 3,
    driver: 'micro',
    net: 'netns',
    link: '1gbit',
    cores: 'none',
    mode: 'observe',
  });
});
test.after(() => lab?.down());

const statusOf = (node: string) => lab.node(node).get<ClusterStatus>('/v1/status');
const NODES = ['node0', 'node1', 'node2'];

/** The VM once all nodes say that it runs, and on the same node: on `node`, if that is given. */
const settled = (vm: string, node?: string) =>
  within(20_000, `all nodes know that ${vm} runs on ${node ?? 'one of them'}`, async () => {
    const seen = await Promise.all(NODES.map(statusOf));
    const [first, ...others] = seen.map(s => s.vms.filter(v => v.name === vm));
    const only = first?.length === 1 && first[0]?.state === 'running' && !first[0].stale && first[0];
    if (!only || (node && only.node !== node)) return undefined;
    return others.every(o => o.length === 1 && o[0]?.node === only.node) && only;
  });

/** Tests begin from a place of their own, whatever the one before did. */
async function bring(vm: string, to: string): Promise<void> {
  const { node } = await settled(vm);
  if (node !== to) assert.is((await move(lab, vm, [node, to], 'postcopy'))[0]?.outcome, 'done');
  await settled(vm, to);
}

/** Until all have heard the new life of the agent, not only not yet missed the old one. */
async function restart(node: string): Promise<void> {
  await lab.startAgent(node);
  await lab.converged();
  await within(10_000, `all have heard the new agent of ${node}`, async () => {
    const seen = await Promise.all([node, ...NODES].map(statusOf));
    const lives = seen.map(s => s.nodes.find(n => n.name === node)?.incarnation);
    return lives.every(life => life === lives[0]);
  });
}

/** A side that was killed before its first record has nothing to tell of a handoff. */
const unheard = (error: { code?: string }) => {
  assert.is(error.code, 'SHOAL_HANDOFF_UNKNOWN');
  return { outcome: 'unheard', detail: 'its agent was killed before it wrote anything' };
};

/** A guest that was started anew has no memory of being filled. */
const filledPages = async (vm: string) => (await (await lab.guest(vm)).status()).filled;

test(`a VM at work is moved ${MOVES} times to and fro by both engines, and its memory is whole each time`, async () => {
  await lab.runVm('node0', { name: 'vm0', memoryMib: 32 });
  const guest = await lab.guest('vm0');
  await guest.command(`fill ${FILLED_MIB}`);
  await guest.command('touch 2000');
  await guest.command('load 20');
  const before = await guest.glance(GLANCE_MS);
  assert.ok(before?.boot, 'it says which boot it is in');
  let at = 'node0';
  const ends: Record<string, HandoffStatus[]> = { node0: [], node1: [] };
  for (let i = 0; i < MOVES; i++) {
    const to = i % 2 === 0 ? 'node1' : 'node0';
    const engine = i % 4 < 2 ? 'postcopy' : 'precopy';
    const sides = await move(lab, 'vm0', [at, to], engine);
    assert.equal(
      sides.map(s => [s.engine, s.outcome, s.detail]),
      [engine, engine].map(e => [e, 'done', '']),
      `move ${i}`,
    );
    if (engine === 'postcopy') for (const side of sides) assertAddsUp(side);
    for (const [n, side] of [at, to].entries()) ends[side]?.push(sides[n]!);
    at = to;
    await settled('vm0', at);
    assert.is(await guest.verify(60), 0, `move ${i} to ${at} by ${engine}`);
    assert.is(await filledPages('vm0'), (FILLED_MIB * 2 ** 20) / 4096, 'it is the same guest still');
    const after = await guest.glance(GLANCE_MS);
    assert.is(after?.boot, before.boot, 'in the same boot');
    assert.is(after?.runDir, lab.node(at).runDir, 'and says so where it is now');
    assert.ok((after?.work ?? 0) > before.work);
  }
  for (const [node, moves] of Object.entries(ends)) await assertCounted(lab.node(node), moves);
  assert.is((await settled('vm0')).epoch, MOVES + 1, 'every move counts for a node that saw none');
  assert.is(lab.processes('node1').vmms.length, 0, 'nothing of it is left at the source');
  assert.is(lab.processes('node0').pageServers.length + lab.processes('node1').pageServers.length, 0);
});

/** The handoff of a move that `to` takes. `told`: the node that the VM has just left has said that it is done with it. */
async function sent(vm: string, from: string, to: string, told: boolean): Promise<string> {
  const wish = { node: to, engine: 'postcopy' };
  const asked = () => lab.node(from).post<{ handoff: string }>(`/v1/vms/${vm}/actions/migrate`, wish);
  if (told) return (await asked()).handoff;
  // It refuses until it has heard, some milliseconds later, that it may let go; nothing else is excused.
  return within(20_000, `${vm} is taken back by ${to}`, () =>
    asked().then(
      ({ handoff }) => handoff,
      (error: { code: string; message: string }) =>
        error.message.includes('(owned)') ? undefined : `${error.code} ${error.message}`,
    ),
  );
}

test('a VM that is sent back in the very moment in which its last page has come goes back, and its memory is whole', async () => {
  const guest = await lab.guest('vm0');
  await guest.command('touch 2000');
  let told = true;
  for (let i = 0; i < 8; i++) {
    const [from, to] = i % 2 === 0 ? (['node0', 'node1'] as const) : (['node1', 'node0'] as const);
    const handoff = await sent('vm0', from, to, told);
    assert.match(handoff, /^[0-9a-f-]{36}$/);
    told = i < 4;
    const untilMs = Date.now() + 20_000;
    // Without a pause. Its new node says so first, before the other one has heard it.
    const says = lab.node(told ? from : to);
    while ((await says.get<HandoffStatus>(`/v1/handoffs/${handoff}`)).outcome !== 'done')
      assert.ok(Date.now() < untilMs, `move ${i} ends`);
  }
  await settled('vm0', 'node0');
  assert.is(await guest.verify(60), 0);
  assert.is(await filledPages('vm0'), (FILLED_MIB * 2 ** 20) / 4096, 'it is the same guest still');
});

test('two VMs that move at the same time, one from and one to the same node, both arrive whole', async () => {
  await lab.runVm('node1', { name: 'vm1', memoryMib: 32 });
  const guests = [await lab.guest('vm0'), await lab.guest('vm1')];
  await guests[1]?.command(`fill ${FILLED_MIB}`);
  const moves = await Promise.all([
    move(lab, 'vm0', ['node0', 'node2'], 'postcopy'),
    move(lab, 'vm1', ['node1', 'node0'], 'precopy'),
  ]);
  assert.ok(
    moves.flat().every(s => s.outcome === 'done'),
    JSON.stringify(moves),
  );
  for (const guest of guests) assert.is(await guest.verify(40), 0);
  await settled('vm0', 'node2');
  await settled('vm1', 'node0');
});

test('an agent that is killed and started again adopts its VM, the same process at the same work', async () => {
  const guest = await lab.guest('vm0');
  await bring('vm0', 'node2');
  const { epoch } = await settled('vm0');
  const before = lab.processes('node2').vmms;
  const work = (await guest.status()).work;
  await lab.kill('node2');
  assert.ok((await guest.status()).work >= work, 'the guest works on without an agent');
  await restart('node2');
  assert.is((await settled('vm0')).epoch, epoch);
  assert.equal(lab.processes('node2').vmms, before);
  const [side] = await move(lab, 'vm0', ['node2', 'node0'], 'postcopy');
  assert.is(side?.outcome, 'done', 'an adopted VM can be moved');
  assert.is(await guest.verify(60), 0);
});

test('an agent that was started a moment ago moves its VM, though the target still has reports of its life before', async () => {
  await bring('vm0', 'node2');
  await lab.kill('node2');
  await lab.startAgent('node2');
  await lab.converged();
  assert.is((await move(lab, 'vm0', ['node2', 'node0'], 'postcopy'))[0]?.outcome, 'done');
  assert.is(await (await lab.guest('vm0')).verify(60), 0);
});

for (const [side, victim, engine] of [
  ['source', 'node0', 'precopy'],
  ['source', 'node0', 'postcopy'],
  ['target', 'node1', 'precopy'],
  ['target', 'node1', 'postcopy'],
] as const) {
  test(`an agent of the ${side} killed in the middle of a move by ${engine} leaves one whole VM`, async () => {
    await bring('vm0', 'node0');
    const guest = await lab.guest('vm0');
    const { handoff } = await lab
      .node('node0')
      .post<{ handoff: string }>('/v1/vms/vm0/actions/migrate', { node: 'node1', engine });
    await lab.kill(victim);
    await restart(victim);
    await within(60_000, 'the handoff has ended for both', async () => {
      const sides = await Promise.all(
        ['node0', 'node1'].map(n => lab.node(n).get<HandoffStatus>(`/v1/handoffs/${handoff}`).catch(unheard)),
      );
      // Who ends it after a restart says why, too.
      return sides.every(s => s.outcome === 'done' || (s.outcome !== '' && s.detail !== ''));
    });
    const { node } = await settled('vm0');
    assert.ok(['node0', 'node1'].includes(node));
    assert.is(await guest.verify(60), 0);
    assert.is(await filledPages('vm0'), (FILLED_MIB * 2 ** 20) / 4096, 'it is the same guest still');
    await within(10_000, 'one process for each of the two VMs', async () => {
      const all = NODES.flatMap(n => lab.processes(n).vmms).filter(isAlive);
      return all.length === 2;
    });
  });
}

test('a node that comes back after a power failure starts the VMs that it owns, and no other', async () => {
  for (const vm of ['vm0', 'vm1']) await bring(vm, 'node0');
  const pids = lab.processes('node0').vmms.map(v => v.pid);
  assert.is(pids.length, 2);
  await lab.powerFail('node0');
  assert.is(lab.processes('node0').vmms.length, 0);
  await restart('node0');
  for (const vm of ['vm0', 'vm1']) await settled(vm, 'node0');
  assert.is(await filledPages('vm0'), 0, 'a cold start: its memory went with the power');
  const after = lab.processes('node0').vmms.map(v => v.pid);
  assert.is(after.length, 2);
  assert.not(after.some(pid => pids.includes(pid)));
  assert.is(lab.processes('node2').vmms.length, 0, 'the node that it had left starts nothing');
});

test('a VM whose process dies without a power failure is a crash, and its node starts it again', async () => {
  const [victim] = lab.processes('node0').vmms;
  assert.ok(victim);
  process.kill(victim.pid, 'SIGKILL');
  await within(30_000, 'both run again', async () => {
    const vms = lab.processes('node0').vmms;
    const states = (await statusOf('node0')).vms.map(v => v.state);
    return vms.length === 2 && vms.every(v => v.pid !== victim.pid) && states.every(s => s === 'running');
  });
  assert.match(readFileSync(join(lab.dir, 'node0', 'log'), 'utf8'), 'VM crashed');
});

test('a VM that dies on its old node while it is being moved is started again there, and the handoff says why it ended', async () => {
  await lab.runVm('node0', { name: 'mid', memoryMib: 384 });
  await (await lab.guest('mid')).command('fill 320', 60_000);
  const [{ vm } = { vm: '' }] = (await statusOf('node0')).vms.filter(v => v.name === 'mid');
  const { handoff } = await lab
    .node('node0')
    .post<{ handoff: string }>('/v1/vms/mid/actions/migrate', { node: 'node1', engine: 'precopy' });
  const sides = () =>
    Promise.all(['node0', 'node1'].map(n => lab.node(n).get<HandoffStatus>(`/v1/handoffs/${handoff}`)));
  await within(20_000, 'its pages are under way', async () => (await sides())[0]?.stage === 'switching');
  const pid = Number(readFileSync(join(lab.node('node0').runDir, 'vms', vm, 'pid'), 'utf8'));
  process.kill(pid, 'SIGKILL');
  await within(20_000, 'both sides have given it up', async () =>
    (await sides()).every(s => s.outcome === 'aborted' && s.detail !== ''),
  );
  await settled('mid', 'node0');
  assert.is(await filledPages('mid'), 0, 'it is a new guest');
  // A guest runs a moment before its start is through, and until then it cannot be ended.
  await within(20_000, 'it is destroyed', () =>
    lab
      .node('node0')
      .post('/v1/vms/mid/actions/destroy')
      .then(() => true),
  );
});

test('a VM that dies on its new node while its pages still come is started again there', async () => {
  await lab.runVm('node0', { name: 'big', memoryMib: 384 });
  await (await lab.guest('big')).command('fill 320', 60_000);
  const before = lab.processes('node1').vmms.map(v => v.pid);
  await lab.node('node0').post('/v1/vms/big/actions/migrate', { node: 'node1', engine: 'postcopy' });
  const on = async (state: string) =>
    (await statusOf('node1')).vms.find(v => v.name === 'big' && v.node === 'node1' && v.state === state);
  await within(20_000, 'it runs on node1 without all its pages', () => on('degraded'));
  const [vmm] = lab.processes('node1').vmms.filter(v => !before.includes(v.pid));
  assert.ok(vmm);
  process.kill(vmm.pid, 'SIGKILL');
  await settled('big', 'node1');
  assert.is(await filledPages('big'), 0, 'it is a new guest: the memory of the old one went with it');
  assert.is(lab.processes('node0').pageServers.length, 0, 'the source has let go of it');
  await within(20_000, 'it is destroyed', () =>
    lab
      .node('node1')
      .post('/v1/vms/big/actions/destroy')
      .then(() => true),
  );
});

test.run();
