import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterStatus, HandoffStatus } from '@shoal/agent/edge/http/api.types';
import { isAlive } from '@shoal/agent/edge/vmm/processes';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fill, free } from '../chaos/faults/space.ts';
import { bringUp, type Glance, type Lab } from '../lab/index.ts';
import { before, moved, within } from './help.ts';

/** 200 Mbit/s: the pages of such a guest take some seconds, so that there is a middle to break things in. */
const MEMORY_MIB = 192;
const FILLED_MIB = 32;
const END_MS = 90_000;

let lab: Lab;
const test = suite('qemu-postcopy');

before(test, async () => {
  lab = await bringUp({
    name: 'qpostcopy',
    nodes: 2,
    driver: 'qemu',
    net: 'netns',
    link: '200mbit',
    cores: 'none',
    mode: 'observe',
    // Of their own file systems, which can be full.
    ramMib: 640,
  });
});
test.after(() => lab?.down());

type Node = 'node0' | 'node1';
const vmms = (node: Node) => lab.processes(node).vmms.filter(isAlive);
const seenBy = async (node: Node, vm: string) =>
  (await lab.node(node).get<ClusterStatus>('/v1/status')).vms.find(v => v.name === vm && v.node === node);

/** A guest at work with memory that checks itself. `leave`: once it has crashed it stays crashed, to be looked at. */
async function guestOn(node: Node, name: string, crash: 'restart' | 'leave' = 'restart') {
  await lab.runVm(node, { name, memoryMib: MEMORY_MIB, crash });
  const guest = await lab.guest(name);
  for (const line of [`fill ${FILLED_MIB}`, 'load 30', 'touch 1000']) await guest.command(line);
  return guest;
}

const begin = async (vm: string, from: Node, to: Node) =>
  (
    await lab.node(from).post<{ handoff: string }>(`/v1/vms/${vm}/actions/migrate`, {
      node: to,
      engine: 'qemu-postcopy',
    })
  ).handoff;

const stageOn = async (node: Node, handoff: string) =>
  (await lab.node(node).get<HandoffStatus>(`/v1/handoffs/${handoff}`)).stage;

/** How it ended for source and target. */
async function ended(handoff: string, from: Node, to: Node) {
  const look = () =>
    Promise.all([from, to].map(n => lab.node(n).get<HandoffStatus>(`/v1/handoffs/${handoff}`)));
  return within(END_MS, 'the handoff has ended on both nodes', async () => {
    const sides = await look();
    return sides.every(s => s.outcome !== '') && sides;
  }).catch(async (error: Error) => {
    const sides = (await look()).map(s => `${s.role} ${s.stage} ${s.outcome} ${s.detail}`);
    throw new Error(`${error.message}: ${sides.join(', ')}`);
  });
}

/** A move from node0 to node1, up to the moment from which the guest runs without all its pages. */
async function degraded(vm: string): Promise<string> {
  const handoff = await begin(vm, 'node0', 'node1');
  await within(END_MS, 'it runs on node1 without all its pages', async () => {
    const seen = await seenBy('node1', vm);
    return seen?.state === 'degraded';
  });
  return handoff;
}

async function whole(vm: string): Promise<void> {
  const guest = await lab.guest(vm);
  assert.is(await guest.verify(60), 0, 'every page is as the guest wrote it');
  assert.is((await guest.status()).filled, (FILLED_MIB * 2 ** 20) / 4096, 'it is the same guest still');
}

/** By VM: the boot that its guest named. */
const boots = new Map<string, string>();

/** What its guest says in passing, of the same boot as ever. */
async function sameBoot(vm: string): Promise<Glance> {
  const glance = await (await lab.guest(vm)).glance(END_MS);
  assert.ok(glance, `${vm} answers`);
  assert.is(glance.boot, boots.get(vm) ?? glance.boot, 'a guest that moves does not boot');
  boots.set(vm, glance.boot);
  return glance;
}

test('a VM at work moves to and fro by QEMU’s own post-copy, and its memory is whole', async () => {
  await guestOn('node0', 'vm');
  let { work } = await sameBoot('vm');
  for (const way of [
    ['node0', 'node1'],
    ['node1', 'node0'],
  ] as const) {
    await moved(lab, 'vm', way, 'qemu-postcopy');
    await whole('vm');
    assert.is(vmms(way[0]).length, 0, 'nothing of it is left at the source');
    const glance = await sameBoot('vm');
    assert.is(glance.runDir, lab.node(way[1]).runDir, 'it answers where it is now');
    assert.ok(glance.work > work && glance.bad === 0, `${glance.work} after ${work}`);
    work = glance.work;
  }
});

test('a target QEMU killed before the commit changes nothing: the guest runs on at its source', async () => {
  const handoff = await begin('vm', 'node0', 'node1');
  const vmm = await within(END_MS, 'a QEMU waits on node1', () => vmms('node1')[0]);
  process.kill(vmm.pid, 'SIGKILL');
  const [source, target] = await ended(handoff, 'node0', 'node1');
  assert.equal([source?.outcome, target?.outcome], ['aborted', 'aborted']);
  assert.is((await seenBy('node0', 'vm'))?.state, 'running');
  await whole('vm');
});

test('a source agent killed while the pages come is not missed, and ends the handoff when it is back', async () => {
  const handoff = await degraded('vm');
  await lab.kill('node0');
  await sleep(500);
  await lab.startAgent('node0');
  const [source, target] = await ended(handoff, 'node0', 'node1');
  assert.equal([source?.outcome, target?.outcome], ['done', 'done']);
  await whole('vm');
  assert.is(vmms('node0').length, 0);
  await lab.converged();
  await moved(lab, 'vm', ['node1', 'node0'], 'postcopy');
});

test('a source QEMU that dies while the pages come takes the guest with it: its new node says so, and ends it', async () => {
  await lab.node('node0').post('/v1/vms/vm/actions/destroy');
  await lab.converged();
  await guestOn('node0', 'vm2', 'leave');
  await sameBoot('vm2');
  assert.is.not(boots.get('vm2'), boots.get('vm'), 'two boots of one image are two boots');
  const handoff = await degraded('vm2');
  const [vmm] = vmms('node0');
  assert.ok(vmm);
  process.kill(vmm.pid, 'SIGKILL');
  const [source, target] = await ended(handoff, 'node0', 'node1');
  assert.equal([source?.outcome, target?.outcome], ['done', 'lost']);
  await within(END_MS, 'it is shown as lost', async () => (await seenBy('node1', 'vm2'))?.state === 'lost');
  assert.is(vmms('node0').length + vmms('node1').length, 0, 'nobody runs half a guest');
  await lab.node('node1').post('/v1/vms/vm2/actions/destroy');
});

/** A move from node0 to node1, whose QEMU is killed once the source has come so far, unseen by node1's agent. */
async function killedAtTarget(vm: string, sourceAt: keyof HandoffStatus['at']): Promise<[string, string]> {
  await guestOn('node0', vm, 'leave');
  const handoff = await begin(vm, 'node0', 'node1');
  await within(END_MS, 'node1 has promised', async () => (await stageOn('node1', handoff)) === 'ready');
  // So that `run` finds nobody: the source commits, and its device state goes.
  const agent = lab.node('node1').pid;
  assert.ok(agent);
  process.kill(agent, 'SIGSTOP');
  try {
    await within(END_MS, `node0 has come to ${sourceAt}`, async () => {
      const { at } = await lab.node('node0').get<HandoffStatus>(`/v1/handoffs/${handoff}`);
      return at[sourceAt] >= 0;
    });
    const [vmm] = vmms('node1');
    assert.ok(vmm);
    process.kill(vmm.pid, 'SIGKILL');
  } finally {
    process.kill(agent, 'SIGCONT');
  }
  const [source, target] = await ended(handoff, 'node0', 'node1');
  return [source?.outcome ?? '', target?.outcome ?? ''];
}

test('a target QEMU killed when the device state is out is a crash on one node, and runs nowhere', async () => {
  const outcomes = await killedAtTarget('vm3', 'postmigrate');
  const taken = outcomes[0] === 'retaken';
  // On a slow machine the word may have come just before the stop: then it is node1's crash.
  assert.equal(outcomes, taken ? ['retaken', 'aborted'] : ['done', 'done']);
  const owner = taken ? 'node0' : 'node1';
  await within(END_MS, `it has crashed on ${owner}`, async () =>
    ['crashed', 'lost'].includes((await seenBy(owner, 'vm3'))?.state ?? ''),
  );
  assert.is(vmms('node0').length + vmms('node1').length, 0);
  await lab.node(owner).post('/v1/vms/vm3/actions/destroy');
});

test('a target QEMU killed just after the commit leaves the guest at its source: whole, or crashed, as the device state was out or not', async () => {
  const outcomes = await killedAtTarget('vm7', 'committed');
  const taken = outcomes[0] === 'retaken';
  assert.equal(outcomes, taken ? ['retaken', 'aborted'] : ['done', 'done']);
  const owner = taken ? 'node0' : 'node1';
  const state = await within(END_MS, 'what is left of it is known', async () => {
    const seen = (await seenBy(owner, 'vm7'))?.state ?? '';
    return ['running', 'crashed', 'lost'].includes(seen) && seen;
  });
  if (state === 'running') await whole('vm7');
  const alive = { node0: vmms('node0').length, node1: vmms('node1').length };
  assert.equal(alive, { node0: state === 'running' ? 1 : 0, node1: 0 });
  await lab.node(owner).post('/v1/vms/vm7/actions/destroy');
});

test('a target without memory while it loads ends, and the guest has crashed at its source: it runs nowhere', async () => {
  await guestOn('node0', 'vm6', 'leave');
  const handoff = await begin('vm6', 'node0', 'node1');
  const before = async (node: Node, stages: string[]) =>
    within(END_MS, `${node} is ${stages.join(' or ')}`, async () =>
      stages.includes(await stageOn(node, handoff)),
    );
  await before('node0', ['preparing', 'connecting', 'w-switching', 'switching']);
  // So that nothing of the device state goes until there is no memory for it.
  const agent = lab.node('node0').pid;
  assert.ok(agent);
  process.kill(agent, 'SIGSTOP');
  const { ramDir } = lab.node('node1');
  try {
    await before('node1', ['loading', 'w-ready', 'ready']);
    fill(ramDir);
    process.kill(agent, 'SIGCONT');
    const [source, target] = await ended(handoff, 'node0', 'node1');
    assert.equal([source?.outcome, target?.outcome], ['retaken', 'aborted']);
    await within(END_MS, 'it has crashed at its source', async () =>
      ['crashed', 'lost'].includes((await seenBy('node0', 'vm6'))?.state ?? ''),
    );
    assert.is(vmms('node0').length + vmms('node1').length, 0);
  } finally {
    process.kill(agent, 'SIGCONT');
    free(ramDir);
  }
  await lab.node('node0').post('/v1/vms/vm6/actions/destroy');
});

test('a target without memory for the pages that come stands until it has some, and then gets all of them', async () => {
  await guestOn('node0', 'vm5');
  const handoff = await degraded('vm5');
  const { ramDir } = lab.node('node1');
  fill(ramDir);
  try {
    const { vm } = (await seenBy('node1', 'vm5')) ?? {};
    assert.ok(vm);
    const log = join(lab.node('node1').runDir, 'vms', vm, 'log');
    await within(END_MS, 'QEMU gives its stream up', () =>
      readFileSync(log, 'utf8').includes('Migration paused'),
    );
    // Long enough for the stream to be taken up, and to break, again and again.
    await sleep(1500);
    assert.is((await seenBy('node1', 'vm5'))?.state, 'degraded');
  } finally {
    free(ramDir);
  }
  const [source, target] = await ended(handoff, 'node0', 'node1');
  assert.equal([source?.outcome, target?.outcome], ['done', 'done']);
  await whole('vm5');
  await lab.node('node1').post('/v1/vms/vm5/actions/destroy');
});

// Last: where QEMU 7.2 hangs in its recovery, nothing but the end of the lab frees these nodes.
test('a link that is cut while the pages come costs the guest nothing: it goes on whole, or waits, visibly degraded', async () => {
  await guestOn('node0', 'vm4');
  const handoff = await degraded('vm4');
  await lab.cut('node0', 'node1');
  // Longer than a page server takes a silent link for slow: the stream of either QEMU breaks.
  await sleep(7000);
  assert.is((await seenBy('node1', 'vm4'))?.state, 'degraded');
  await lab.heal('node0', 'node1');
  const sides = await ended(handoff, 'node0', 'node1').catch(() => undefined);
  if (sides) {
    assert.equal([sides[0]?.outcome, sides[1]?.outcome], ['done', 'done']);
    return whole('vm4');
  }
  // A recovery that was itself interrupted is never taken up again (docs/design/qemu-postcopy.md): both keep what they have.
  process.stderr.write('the recovery of QEMU 7.2 hangs: the guest waits for its pages\n');
  assert.is((await seenBy('node1', 'vm4'))?.state, 'degraded');
  assert.equal([vmms('node0').length, vmms('node1').length], [1, 1]);
});

test.run();
