import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterStatus, HandoffStatus } from '@shoal/agent/edge/http/api.types';
import { vmPaths } from '@shoal/agent/edge/vmm/paths';
import { isAlive, type ProcessId } from '@shoal/agent/edge/vmm/processes';
import { Qmp } from '@shoal/agent/edge/vmm/qmp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bringUp, type Lab } from '../lab/index.ts';
import { before, moved, TWO_QEMU_NODES, within } from './help.ts';

const FILLED_MIB = 48;
/** Most of the guest's memory is still missing a while after it runs. */
const BULK_BYTES_PER_SECOND = 16 * 2 ** 20;
/** Pages come for some seconds after a switch that a test has held up. */
const SLOW_BYTES_PER_SECOND = 6 * 2 ** 20;
/** Bulk goes by address: in a minute it does not come to 0xA0000, where devices touch memory while they load. */
const HARDLY_ANY = 8 * 2 ** 10;
const WAIT_MS = 60_000;
/** A page or some come in between, as from a peer that brings a page a second. */
const TRICKLES = 4;
/** Most waits are of the guest's own work and not of an interrupt. */
const ROUNDS_MAX = 16;
const TRICKLE_MS = 1000;
/** QEMU answers in a millisecond; on a busy machine much later. */
const ANSWER_MAX_MS = 1000;
/** Figures of page servers are told every 250 ms. */
const SETTLED_MS = 1000;

let lab: Lab;
const test = suite('VMMs that die in a move by the page server');

before(test, async () => {
  lab = await bringUp({ name: 'vmmdies', ...TWO_QEMU_NODES });
  await lab.runVm('node0', { name: 'vm', memoryMib: 160, crash: 'leave' });
  const guest = await lab.guest('vm');
  for (const line of [`fill ${FILLED_MIB}`, 'touch 1000', 'load 20']) await guest.command(line, WAIT_MS);
});
test.after(() => lab?.down());

type Node = 'node0' | 'node1';
const vmms = (node: Node) => lab.processes(node).vmms.filter(isAlive);
const claims = async (node: Node) =>
  (await lab.node(node).get<ClusterStatus>('/v1/status')).vms
    .filter(v => v.name === 'vm')
    .map(v => `${v.node} ${v.state}`);

const uuid = async (name = 'vm') =>
  (await lab.node('node0').get<ClusterStatus>('/v1/status')).vms.find(v => v.name === name)?.vm ?? '';

/** What its guest says of itself; `since`: what it said before. */
async function goesOn(node: Node, since?: { boot: string; work: number }) {
  const guest = await lab.guest('vm');
  assert.is(await guest.verify(60), 0, 'every page is as the guest wrote it');
  assert.is((await guest.status()).filled, (FILLED_MIB * 2 ** 20) / 4096);
  const glance = await guest.glance(WAIT_MS);
  assert.ok(glance);
  const { runDir, boot, work } = glance;
  assert.is(runDir, lab.node(node).runDir, `it answers on ${node}`);
  assert.is(boot, since?.boot ?? boot, 'it has not booted');
  assert.ok(work > (since?.work ?? -1), 'it works on');
  return { boot, work };
}

/** It runs on `node`, and that is all there is of it anywhere. */
async function onlyOn(node: Node) {
  await within(WAIT_MS, `it runs on ${node}, as both nodes see it`, async () => {
    const seen = [...(await claims('node0')), ...(await claims('node1'))];
    return seen.every(claim => claim === `${node} running`) && seen.length === 2;
  });
  const count = (on: Node) => [vmms(on).length, lab.processes(on).pageServers.filter(isAlive).length];
  await within(WAIT_MS, 'no other VMM of it, and no page server, is left', () => {
    const [here, there] = [count(node), count(node === 'node0' ? 'node1' : 'node0')];
    return `${here} ${there}` === '1,0 0,0';
  });
}

const sideOf = (node: Node, handoff: string) => lab.node(node).get<HandoffStatus>(`/v1/handoffs/${handoff}`);
const reaches = (node: Node, handoff: string, stage: string) =>
  within(WAIT_MS, `${node} is ${stage}`, async () => (await sideOf(node, handoff)).stage === stage);
const ends = (handoff: string) =>
  within(WAIT_MS, 'it has ended on both nodes', async () => {
    const sides = await Promise.all([sideOf('node0', handoff), sideOf('node1', handoff)]);
    return sides.every(s => s.outcome !== '') && sides.map(s => s.outcome);
  });

/** Stops a process until `work` is done, whatever becomes of that. */
async function stopped<T>(pid: number | undefined, work: () => Promise<T>): Promise<T> {
  assert.ok(pid);
  process.kill(pid, 'SIGSTOP');
  try {
    return await work();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

const leave = async (bulkBytesPerSecond: number) => {
  const wishes = { engine: 'postcopy', order: 'sequential', bulkBytesPerSecond, earlyRelease: 'on' };
  const path = '/v1/vms/vm/actions/migrate';
  const { handoff } = await lab.node('node0').post<{ handoff: string }>(path, { node: 'node1', ...wishes });
  return handoff;
};

/** A move whose source has stopped the guest and sends its state, to a VMM on node1 that is stopped: both are given. */
async function inTheSwitch(bulkBytesPerSecond = HARDLY_ANY): Promise<{ handoff: string; vmm: ProcessId }> {
  const handoff = await leave(bulkBytesPerSecond);
  await within(WAIT_MS, 'node1 knows of it', () => sideOf('node1', handoff));
  // So that node1 gets no state before its VMM is stopped.
  const vmm = await stopped(lab.node('node0').pid, async () => {
    await reaches('node1', handoff, 'loading');
    const [waits] = vmms('node1');
    assert.ok(waits);
    process.kill(waits.pid, 'SIGSTOP');
    return waits;
  });
  await within(WAIT_MS, 'the guest is stopped at its source', async () => {
    const { at, bytes } = await sideOf('node0', handoff);
    return at.stopped >= 0 && bytes.state > 0;
  });
  assert.is((await sideOf('node0', handoff)).stage, 'switching');
  return { handoff, vmm };
}

/** The target has loaded all and is ready, its source has committed, which it cannot say: nothing gets to node1. */
async function behindTheCommit(
  bulkBytesPerSecond = HARDLY_ANY,
): Promise<{ handoff: string; vmm: ProcessId }> {
  const { handoff, vmm } = await inTheSwitch(bulkBytesPerSecond);
  await stopped(lab.node('node0').pid, async () => {
    process.kill(vmm.pid, 'SIGCONT');
    await reaches('node1', handoff, 'ready');
    await lab.cutOneWay('node0', 'node1');
  });
  await reaches('node0', handoff, 'committed');
  assert.is((await sideOf('node1', handoff)).stage, 'ready');
  return { handoff, vmm };
}

/** The VMM there has no more to send until it is answered: its state is with the page servers. */
async function wholeStateHasLeft(node: Node, handoff: string) {
  let seen = { bytes: -1, sinceMs: Date.now() };
  await within(WAIT_MS, 'the whole state has left the source', async () => {
    const bytes = (await sideOf(node, handoff)).bytes.state;
    if (bytes !== seen.bytes) seen = { bytes, sinceMs: Date.now() };
    return bytes > 0 && Date.now() - seen.sinceMs > SETTLED_MS;
  });
}

/** Whether a thread of this process stands in the kernel for a page that is missing (proc(5), wchan). */
const waitsForPage = ({ pid }: ProcessId): boolean =>
  readdirSync(`/proc/${pid}/task`).some(thread =>
    readFileSync(`/proc/${pid}/task/${thread}/wchan`, 'utf8').includes('userfault'),
  );

test('a target QEMU killed while it loads devices and waits for a page of them leaves the guest whole at its source', async () => {
  const before = await goesOn('node0');
  const { handoff, vmm } = await inTheSwitch();
  await wholeStateHasLeft('node0', handoff);
  const [pageServer] = lab.processes('node0').pageServers;
  await stopped(pageServer?.pid, async () => {
    process.kill(vmm.pid, 'SIGCONT');
    await within(WAIT_MS, 'it waits for a page, which nobody brings', () => waitsForPage(vmm));
    assert.is((await sideOf('node1', handoff)).stage, 'loading');
    process.kill(vmm.pid, 'SIGKILL');
  });
  assert.equal(await ends(handoff), ['aborted', 'aborted']);
  await onlyOn('node0');
  await goesOn('node0', before);
});

test('a target QEMU killed when it has loaded all and its source has committed, before cont, gives the guest back whole', async () => {
  const before = await goesOn('node0');
  const { handoff, vmm } = await behindTheCommit();
  process.kill(vmm.pid, 'SIGKILL');
  await within(WAIT_MS, 'node1 has given up', async () => (await sideOf('node1', handoff)).outcome !== '');
  await lab.heal('node0', 'node1');
  assert.equal(await ends(handoff), ['retaken', 'aborted']);
  await onlyOn('node0');
  await goesOn('node0', before);
});

test('a source QEMU killed behind the commit, before its target runs the guest, is not missed: the guest is whole there', async () => {
  const before = await goesOn('node0');
  const { handoff } = await behindTheCommit(SLOW_BYTES_PER_SECOND);
  const [source] = vmms('node0');
  assert.ok(source);
  process.kill(source.pid, 'SIGKILL');
  await within(WAIT_MS, 'it is dead', () => vmms('node0').length === 0);
  assert.is((await sideOf('node1', handoff)).stage, 'ready', 'the guest runs nowhere yet');
  await lab.heal('node0', 'node1');
  await within(WAIT_MS, 'it runs on node1', async () => (await sideOf('node1', handoff)).at.resumed >= 0);
  assert.is((await sideOf('node1', handoff)).outcome, '', 'pages still come');
  assert.equal(await ends(handoff), ['done', 'done']);
  await onlyOn('node1');
  await goesOn('node1', before);
  await moved(lab, 'vm', ['node1', 'node0'], 'postcopy');
});

test('a source QEMU gives the memory of its guest back while pages still come, and the guest is whole where it runs', async () => {
  const before = await goesOn('node0');
  const ram = join(lab.node('node0').ramDir, `${await uuid()}.ram`);
  const heldBytes = () => statSync(ram).blocks * 512;
  const whole = heldBytes();
  assert.ok(whole > FILLED_MIB * 2 ** 20, `${whole} bytes`);
  const handoff = await leave(BULK_BYTES_PER_SECOND);
  await within(WAIT_MS, 'a third of it is given back', () => heldBytes() < (whole * 2) / 3);
  assert.is((await sideOf('node1', handoff)).outcome, '', 'pages still come');
  assert.equal(await ends(handoff), ['done', 'done']);
  const released = await Promise.all([sideOf('node0', handoff), sideOf('node1', handoff)]).then(sides =>
    sides.map(s => s.releasedBytes),
  );
  assert.ok((released[0] ?? 0) > whole / 3, `${released[0]} of ${whole} bytes`);
  assert.is(released[1], -1, 'a target has nothing to give back');
  await onlyOn('node1');
  await goesOn('node1', before);
});

/** The kernel's word for where a thread stands (proc_pid_wchan(5)). */
const standsIn = (pid: number): string => readFileSync(`/proc/${pid}/wchan`, 'utf8');

/**
 * Asks for a second while the guest waits for a page. `isHeldUp`: the last question, `status`, was not answered meanwhile, since QEMU's
 * main loop waits for the lock of the vCPU: under TCG a vCPU takes an interrupt with that lock held (accel/tcg/cpu-exec.c,
 * `cpu_handle_interrupt`), also where the stack that it takes it on is a page that is missing. Under KVM no lock is held. QEMU
 * takes one client at a time, which else is the agent.
 */
async function asked(qmp: Qmp, vmm: ProcessId): Promise<{ isHeldUp: boolean; status: Promise<unknown> }> {
  for (const untilMs = Date.now() + TRICKLE_MS; ; await sleep(20)) {
    const status = qmp.execute('query-status');
    const inTime = await Promise.race([status.then(() => true), sleep(ANSWER_MAX_MS).then(() => false)]);
    assert.ok(waitsForPage(vmm), 'the guest waits for a page all the time');
    if (!inTime) assert.match(standsIn(vmm.pid), 'futex', 'it waits for nothing but the lock');
    if (!inTime || Date.now() > untilMs) return { isHeldUp: !inTime, status };
  }
}

test('a target QEMU answers its monitor while its guest waits for pages that only trickle in', async () => {
  await moved(lab, 'vm', ['node1', 'node0'], 'postcopy');
  const before = await goesOn('node0');
  const handoff = await leave(SLOW_BYTES_PER_SECOND);
  await within(WAIT_MS, 'it runs on node1', async () => (await sideOf('node1', handoff)).at.resumed >= 0);
  const [[slow], [vmm]] = [lab.processes('node0').pageServers, vmms('node1')];
  assert.ok(slow && vmm);
  await lab.kill('node1');
  const qmp = await Qmp.open(vmPaths(lab.node('node1').runDir, '', await uuid()).qmp, WAIT_MS);
  try {
    for (let [round, answered] = [0, 0]; answered < TRICKLES; round++) {
      assert.ok(round < ROUNDS_MAX, `${answered} of ${round} waits held up no monitor`);
      const { isHeldUp, status } = await stopped(slow.pid, async () => {
        await within(WAIT_MS, 'the guest waits for a page', () => waitsForPage(vmm));
        return asked(qmp, vmm);
      });
      assert.is(((await status) as { status: string }).status, 'running', 'answered when the page has come');
      if (!isHeldUp) answered += 1;
      await sleep(5);
    }
  } finally {
    qmp.close();
  }
  await lab.startAgent('node1');
  assert.equal(await ends(handoff), ['done', 'done']);
  await onlyOn('node1');
  await goesOn('node1', before);
});

test.run();
