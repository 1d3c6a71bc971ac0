/** Agents that are killed at each stage that they have in their journals, and started again. */

import { createJournal } from '@shoal/agent/edge/handoff/journal';
import type { ClusterStatus, HandoffStatus } from '@shoal/agent/edge/http/api.types';
import { openDatabase } from '@shoal/agent/edge/store/store';
import { isAlive } from '@shoal/agent/edge/vmm/processes';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Steps } from '../chaos/steps.ts';
import { bringUp, type Lab } from '../lab/index.ts';
import { before, moved, within } from './help.ts';

const FILLED_MIB = 16;
/** Unasked, the pages would take a minute. */
const BULK_BYTES_PER_SECOND = 2 ** 18;
const WAIT_MS = 40_000;
/** Figures of page servers are told every 250 ms. */
const SETTLED_MS = 600;

let lab: Lab;
let steps: Steps;
let boot: string;
const test = suite('agents that die at each stage of a move');

before(test, async () => {
  lab = await bringUp({
    ...{ name: 'agentdies', nodes: 2, driver: 'micro', net: 'netns', link: '1gbit' },
    ...{ cores: 'none', mode: 'observe' },
  });
  steps = new Steps(lab);
  await lab.runVm('node0', { name: 'vm', memoryMib: 32, crash: 'leave' });
  const guest = await lab.guest('vm');
  for (const line of [`fill ${FILLED_MIB}`, 'touch 100', 'load 10']) await guest.command(line, WAIT_MS);
  boot = (await guest.glance(WAIT_MS))?.boot ?? '';
  assert.ok(boot);
});
test.after(async () => {
  steps?.close();
  await lab?.down();
});

type Node = 'node0' | 'node1';
const NODES = ['node0', 'node1'] as const;
const vmms = (node: Node) => lab.processes(node).vmms.filter(isAlive);
const sideOf = (node: Node, handoff: string) => lab.node(node).get<HandoffStatus>(`/v1/handoffs/${handoff}`);

/** Asks for the move of the guest to node1. The answer may be lost with the agent that is killed before it. */
async function leave(wishes: object = {}): Promise<void> {
  let seen: string[] = [];
  await within(WAIT_MS, 'each has heard the newest life of the other', async () => {
    const all = await Promise.all(NODES.map(n => lab.node(n).get<ClusterStatus>('/v1/status')));
    seen = all.map(s =>
      s.nodes
        .map(n => `${n.name} ${n.incarnation} ${n.state}`)
        .sort()
        .join(),
    );
    return seen[0] === seen[1] && !/stale|unknown/.test(seen[0] ?? '');
  }).catch(error => {
    throw new Error(`${error.message}: ${seen.join(' | ')}`);
  });
  const body = { node: 'node1', engine: 'postcopy', ...wishes };
  const asked = lab.node('node0').post('/v1/vms/vm/actions/migrate', body);
  asked.catch((error: { code?: string; message: string }) => {
    if (!['ECONNRESET', 'SHOAL_OFFER_REFUSED'].includes(error.code ?? ''))
      process.stderr.write(`the move: ${error.code} ${error.message}\n`);
  });
}

/** Acts in the moment in which `node` says that it has come to `state`, within some milliseconds. Resolves to the handoff. */
function when(node: Node, state: string, act: () => void = () => undefined): Promise<string> {
  const seen = new Promise<string>((resolve, reject) => {
    const late = () => reject(new Error(`not within ${WAIT_MS} ms: ${node} is ${state}`));
    const timer = setTimeout(late, WAIT_MS);
    const off = steps.on(step => {
      if (step.node !== node || step.state !== state) return;
      off();
      clearTimeout(timer);
      act();
      resolve(step.handoff);
    });
  });
  // Told where it is waited for, which may be after another fault.
  seen.catch(() => undefined);
  return seen;
}

/** To the agent. */
function signal(node: Node, name: NodeJS.Signals): void {
  const { pid } = lab.node(node);
  assert.ok(pid, `${node} has an agent`);
  process.kill(pid, name);
}
const dies = (node: Node) => () => signal(node, 'SIGKILL');
const stops = (node: Node) => () => signal(node, 'SIGSTOP');

/** Kills the agent, unless it is dead already, and starts it again. The newest record that it finds then is `record`. */
async function killedAt(node: Node, record: string, handoff: string): Promise<void> {
  await lab.kill(node);
  // Its other threads, which have it open, may end a little later.
  const db = await within(WAIT_MS, 'its database is free', () => openDatabase(lab.node(node).stateDir));
  const entries = await createJournal(db).all();
  await db.close();
  lab.node(node).start(); // when it answers it may be killed already
  const written = entries.find(entry => entry.handoff === handoff)?.record;
  assert.is(written, record, `what ${node} had written when it was killed`);
}

/** How it ended for source and target. */
const ends = (handoff: string) =>
  within(WAIT_MS, 'it has ended on both nodes', async () => {
    const sides = await Promise.all(NODES.map(node => sideOf(node, handoff)));
    return sides.every(s => s.outcome !== '') && sides.map(s => s.outcome);
  });

/** The guest is whole on `node`, in the same boot, and there is nothing of it anywhere else. */
async function onlyOn(node: Node): Promise<void> {
  await within(WAIT_MS, `it runs on ${node}, as both nodes see it`, async () => {
    const seen = await Promise.all(NODES.map(n => lab.node(n).get<ClusterStatus>('/v1/status')));
    return seen.every(s => s.vms.map(v => `${v.node} ${v.state}`).join() === `${node} running`);
  });
  await within(WAIT_MS, 'no other VMM, and no page server, is left', () =>
    NODES.every(n => vmms(n).length === (n === node ? 1 : 0) && lab.processes(n).pageServers.length === 0),
  );
  const guest = await lab.guest('vm');
  assert.is(await guest.verify(60), 0, 'every page is as the guest wrote it');
  assert.is((await guest.status()).filled, (FILLED_MIB * 2 ** 20) / 4096);
  const glance = await guest.glance(WAIT_MS);
  assert.equal(
    [glance?.runDir, glance?.boot],
    [lab.node(node).runDir, boot],
    'the same guest, where it is now',
  );
}

/** Both sides of a move whose guest is stopped at its source, while the VMM that waits for its state is stopped too. */
async function inTheSwitch(): Promise<{ handoff: string; vmm: number }> {
  const [prepares, loads, switches] = [
    when('node0', 'preparing', stops('node0')),
    when('node1', 'loading'),
    when('node0', 'switching'),
  ];
  await leave();
  await prepares;
  await loads;
  const [vmm] = vmms('node1');
  assert.ok(vmm);
  process.kill(vmm.pid, 'SIGSTOP');
  signal('node0', 'SIGCONT');
  const handoff = await switches;
  let seen = { bytes: -1, sinceMs: Date.now() };
  await within(WAIT_MS, 'all of its state has left the source', async () => {
    const { at, bytes } = await sideOf('node0', handoff);
    if (bytes.state !== seen.bytes) seen = { bytes: bytes.state, sinceMs: Date.now() };
    return at.stopped >= 0 && bytes.state > 0 && Date.now() - seen.sinceMs > SETTLED_MS;
  });
  return { handoff, vmm: vmm.pid };
}

/** As `inTheSwitch`, up to where the target is ready and the source has committed, which it cannot say. */
async function behindTheCommit(): Promise<{ handoff: string; vmm: number }> {
  const { handoff, vmm } = await inTheSwitch();
  const [ready, commits] = [when('node1', 'ready'), when('node0', 'committed')];
  signal('node0', 'SIGSTOP');
  process.kill(vmm, 'SIGCONT');
  await ready;
  await lab.cutOneWay('node0', 'node1');
  signal('node0', 'SIGCONT');
  await commits;
  return { handoff, vmm };
}

test('a source that prepares is killed: the guest stays there', async () => {
  const killed = when('node0', 'preparing', dies('node0'));
  await leave();
  const handoff = await killed;
  await killedAt('node0', 'preparing', handoff);
  assert.equal(await ends(handoff), ['aborted', 'aborted']);
  await onlyOn('node0');
});

test('a target that has accepted is killed: the guest stays at its source', async () => {
  const killed = when('node1', 'accepted', dies('node1'));
  await leave();
  const handoff = await killed;
  await killedAt('node1', 'accepted', handoff);
  const [source, target] = await ends(handoff);
  // Its word may have come to the source, or not.
  assert.ok(source === 'aborted' || source === 'refused', source);
  assert.is(target, 'aborted');
  await onlyOn('node0');
});

test('a source is killed in the switch, and once more when it has written that it gives up: the guest goes on there', async () => {
  const { handoff, vmm } = await inTheSwitch();
  const aborts = when('node0', 'aborting', dies('node0'));
  await killedAt('node0', 'switching', handoff);
  await aborts;
  await killedAt('node0', 'aborted', handoff);
  process.kill(vmm, 'SIGCONT');
  assert.equal(await ends(handoff), ['aborted', 'aborted']);
  await onlyOn('node0');
});

test('a target is killed while it loads: the guest goes on at its source', async () => {
  const { handoff, vmm } = await inTheSwitch();
  await killedAt('node1', 'loading', handoff);
  process.kill(vmm, 'SIGCONT');
  assert.equal(await ends(handoff), ['aborted', 'aborted']);
  await onlyOn('node0');
});

test('a target that has given up behind the commit is killed, and its source when it takes the guest back: it is whole there', async () => {
  const { handoff, vmm } = await behindTheCommit();
  const gaveUp = when('node1', 'not-run', dies('node1'));
  process.kill(vmm, 'SIGKILL');
  await gaveUp;
  await killedAt('node1', 'not-run', handoff);
  const retakes = when('node0', 'retaking', dies('node0'));
  await lab.heal('node0', 'node1');
  await retakes;
  await killedAt('node0', 'retaken', handoff);
  assert.equal(await ends(handoff), ['retaken', 'aborted']);
  await onlyOn('node0');
});

test('a target that is ready and a source that has committed are killed: neither runs the guest until they have spoken, then the target does', async () => {
  const { handoff } = await behindTheCommit();
  await killedAt('node1', 'ready', handoff);
  await killedAt('node0', 'committed', handoff);
  await within(WAIT_MS, 'the source cannot say yet that the target may run it', async () => {
    const sides = await Promise.all(NODES.map(n => sideOf(n, handoff)));
    return sides.map(s => s.stage).join() === 'committed,ready';
  });
  await lab.heal('node0', 'node1');
  assert.equal(await ends(handoff), ['done', 'done']);
  await onlyOn('node1');
  await moved(lab, 'vm', ['node1', 'node0'], 'postcopy');
});

test('both are killed while pages come, and once more when each has written that all are there: the guest is whole at its target', async () => {
  const guest = await lab.guest('vm');
  const [owns, transfers] = [
    when('node1', 'owner', dies('node1')),
    when('node0', 'transferring', dies('node0')),
  ];
  await leave({ bulkBytesPerSecond: BULK_BYTES_PER_SECOND });
  const handoff = await owns;
  await killedAt('node1', 'owner', handoff);
  await transfers;
  await killedAt('node0', 'committed', handoff);
  const arrived = when('node1', 'transferred', dies('node1'));
  signal('node0', 'SIGSTOP');
  const { outcome } = await within(WAIT_MS, 'node1 answers again', () => sideOf('node1', handoff));
  assert.is(outcome, '', 'pages still come');
  // The guest asks for all of them.
  assert.is(await guest.verify(100), 0);
  await arrived;
  await killedAt('node1', 'transferred', handoff);
  // So that it does not acknowledge the end, and nothing is forgotten.
  const releases = when('node0', 'w-released', stops('node1'));
  const released = when('node0', 'released', dies('node0'));
  signal('node0', 'SIGCONT');
  await releases;
  await released;
  signal('node1', 'SIGCONT');
  await killedAt('node0', 'released', handoff);
  assert.equal(await ends(handoff), ['done', 'done']);
  await onlyOn('node1');
});

test.run();
