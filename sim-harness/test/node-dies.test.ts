import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RESOLVED } from '@shoal/agent/core/handoff/epochs';
import type { ClusterStatus, DoubtStatus, HandoffStatus } from '@shoal/agent/edge/http/api.types';
import { isAlive } from '@shoal/agent/edge/vmm/processes';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Operator } from '../chaos/operator.ts';
import { bringUp, type Lab } from '../lab/index.ts';
import { before, within } from './help.ts';

let lab: Lab;
const test = suite('a node that dies while pages come');

before(test, async () => {
  lab = await bringUp({
    name: 'dies',
    nodes: 2,
    driver: 'micro',
    net: 'netns',
    link: '1gbit',
    cores: 'none',
    mode: 'observe',
  });
});
test.after(() => lab?.down());

const seen = async (node: string, vm: string) =>
  (await lab.node(node).get<ClusterStatus>('/v1/status')).vms.filter(v => v.name === vm);
const stateAt = async (node: string, vm: string) => (await seen(node, vm)).find(v => v.node === node)?.state;

/** Until `vm` runs on `node`, and nothing of it is on the other. */
const runsOnlyOn = (node: string, other: string, vm: string) =>
  within(40_000, `${vm} runs on ${node} alone`, async () => {
    const claims = await seen(node, vm);
    const alone = claims.length === 1 && claims[0]?.node === node && claims[0].state === 'running';
    return (
      alone && lab.processes(node).vmms.length === 1 && lab.processes(other).vmms.length === 0 && claims[0]
    );
  });

/** A VM whose memory takes seconds to follow it, right after it runs on node1. */
async function degraded(vm: string): Promise<string> {
  await lab.runVm('node0', { name: vm, memoryMib: 384 });
  await (await lab.guest(vm)).command('fill 320', 60_000);
  const { handoff } = await lab
    .node('node0')
    .post<{ handoff: string }>(`/v1/vms/${vm}/actions/migrate`, { node: 'node1', engine: 'postcopy' });
  await within(20_000, `${vm} runs on node1 without all its pages`, async () => {
    return (await stateAt('node1', vm)) === 'degraded';
  });
  return handoff;
}

const FILLED_MIB = 96;

/** A guest whose pages take six seconds to follow it to node1; its source gives memory back meanwhile. */
async function leaves(name: string) {
  const { vm } = await lab.runVm('node0', { name, memoryMib: 160 });
  const guest = await lab.guest(name);
  await guest.command(`fill ${FILLED_MIB}`, 60_000);
  const [vmm] = lab.processes('node0').vmms;
  const wishes = { engine: 'postcopy', bulkBytesPerSecond: 16 * 2 ** 20, earlyRelease: 'on' };
  const path = `/v1/vms/${name}/actions/migrate`;
  const { handoff } = await lab.node('node0').post<{ handoff: string }>(path, { node: 'node1', ...wishes });
  const sideOf = (node: string) => lab.node(node).get<HandoffStatus>(`/v1/handoffs/${handoff}`);
  const stillComes = async () => assert.is((await sideOf('node1')).outcome, '', 'pages still come');
  const arrives = async () => {
    await runsOnlyOn('node1', 'node0', name);
    assert.is(await guest.verify(60), 0, 'its memory is whole');
    assert.is((await guest.status()).filled, (FILLED_MIB * 2 ** 20) / 4096, 'it is the same guest still');
    await destroy('node1', name);
  };
  return { vm, vmm, sideOf, stillComes, arrives };
}

test('a source that may gives memory back while the pages still come, within its bandwidth, and the memory arrives whole', async () => {
  const { vm, stillComes, arrives } = await leaves('early');
  const ram = join(lab.node('node0').ramDir, `${vm}.ram`);
  const heldMib = () => (statSync(ram).blocks * 512) / 2 ** 20;
  await within(30_000, 'a third of it is given back before the end', () => heldMib() < (FILLED_MIB * 2) / 3);
  await stillComes();
  await arrives();
});

test('a source VMM and the page servers of both sides, all killed while the pages come, cost the guest nothing but time', async () => {
  const { vmm, sideOf, stillComes, arrives } = await leaves('hard');
  const isOver = async () => (await sideOf('node0')).at.run > 0;
  await within(20_000, 'the source knows that it runs on node1', isOver);
  process.kill(vmm?.pid as number, 'SIGKILL');
  for (const node of ['node0', 'node1', 'node0']) {
    const [server] = await within(20_000, 'its page server is there', () => {
      const { pageServers } = lab.processes(node);
      return pageServers.length === 1 && pageServers.every(isAlive) && pageServers;
    });
    process.kill(server?.pid as number, 'SIGKILL');
    await sleep(300);
  }
  await stillComes();
  await arrives();
  assert.equal([(await sideOf('node0')).outcome, (await sideOf('node1')).outcome], ['done', 'done']);
});

async function back(node: string): Promise<void> {
  await lab.startAgent(node);
  await lab.converged();
}
const doubt = (node: string, vm: string) => lab.node(node).get<DoubtStatus>(`/v1/vms/${vm}/doubt`);
const resolve = (node: string, vm: string, word: string) =>
  lab.node(node).post<{ word: string }>(`/v1/vms/${vm}/actions/resolve`, { word });
const outcome = async (node: string, handoff: string) =>
  (await lab.node(node).get<HandoffStatus>(`/v1/handoffs/${handoff}`)).outcome;
const destroy = (node: string, vm: string) => lab.node(node).post(`/v1/vms/${vm}/actions/destroy`);

test('its target is told that the memory is gone when it comes back, ends the guest and starts it from its disk', async () => {
  const handoff = await degraded('vm0');
  await lab.powerFail('node0');
  assert.is(await stateAt('node1', 'vm0'), 'degraded', 'nobody has said yet that the pages cannot come');
  await back('node0');
  await runsOnlyOn('node1', 'node0', 'vm0');
  assert.is(await outcome('node1', handoff), 'lost');
  assert.is((await (await lab.guest('vm0')).status()).filled, 0, 'it is a new guest');
  await destroy('node1', 'vm0');
});

/** What chaos does about such a VM: nothing but to tell of it, unless the stream of its pages is known to be broken. */
async function chaosOperator(handoff: string, vm: string): Promise<void> {
  const said: string[] = [];
  const nodes: [string, string] = ['node0', 'node1'];
  const streams = [{ handoff, vm, nodes, fromNs: 0, toNs: Number.POSITIVE_INFINITY }];
  const breaks = [{ vm: '', nodes, fromNs: 1, toNs: 1 }];
  const idle = new Operator({ lab, streams, breaks: [] }, line => said.push(line));
  for (let i = 0; i < 2; i++) await idle.look();
  const [told] = idle.unhelped();
  assert.match(
    told?.what ?? '',
    `${vm} stands degraded on node1, and no broken stream explains it. Its node: `,
  );
  assert.match(told?.what ?? '', `Handoff ${handoff} of ${vm}: this node is its target`);
  assert.equal([said.length, idle.resolved, idle.refused], [1, [], []], 'said once, and left alone');
  assert.is(await stateAt('node1', vm), 'degraded');
  const helping = new Operator({ lab, streams, breaks }, line => said.push(line));
  await helping.look();
  assert.equal(helping.resolved, [`${vm} on node1, handoff ${handoff}`]);
  assert.equal(helping.unhelped(), []);
}

test('while it stays away, an operator may give its pages up, and the VM starts from its disk', async () => {
  const handoff = await degraded('vm1');
  await lab.powerFail('node0');
  const known = await doubt('node1', 'vm1');
  assert.equal([known.role, known.record, known.words], ['target', 'owner', ['from-disk']]);
  await chaosOperator(handoff, 'vm1');
  await runsOnlyOn('node1', 'node0', 'vm1');
  await back('node0');
  await runsOnlyOn('node1', 'node0', 'vm1');
  await destroy('node1', 'vm1');
});

test('the VM that went down with its new node starts on its former one by the proof that the new one is off; that one yields', async () => {
  const handoff = await degraded('vm2');
  const early = await resolve('node0', 'vm2', 'peer-is-off').catch((error: { code: string }) => error.code);
  assert.is(early, 'SHOAL_RESOLVE_REFUSED', 'node1 is heard of');
  await lab.powerFail('node1');
  await within(20_000, 'node1 is known to be silent', async () => {
    return (await doubt('node0', 'vm2')).sentences.join(' ').includes('it is silent');
  });
  assert.equal((await doubt('node0', 'vm2')).words, ['peer-is-off']);
  await resolve('node0', 'vm2', 'peer-is-off');
  const { epoch } = await runsOnlyOn('node0', 'node1', 'vm2');
  assert.is(epoch, 2 + RESOLVED.source, 'of a line of its own, above what node1 claims');
  await back('node1');
  await within(20_000, 'node1 has let go of it', async () => (await outcome('node1', handoff)) === 'yielded');
  await runsOnlyOn('node0', 'node1', 'vm2');
  assert.is(await outcome('node0', handoff), 'resolved');
});

test.run();
