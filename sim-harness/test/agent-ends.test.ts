/** What chaos takes for an agent's own fault, and what its log says of a crash: held against a real agent. */
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Agents } from '../chaos/agents.ts';
import { type Excuse, ownEnds } from '../chaos/checks/agents.ts';
import { gaveUpEarly, givenUp, notStarted } from '../chaos/checks/crashes.ts';
import { processesOf } from '../chaos/checks/proc.ts';
import { ENDS_AGENT } from '../chaos/faults/agent-ends.ts';
import { fill, free } from '../chaos/faults/space.ts';
import { Steps } from '../chaos/steps.ts';
import { bringUp, type Lab, type LabNode } from '../lab/index.ts';
import { databaseDir } from '../lab/space.ts';
import { before } from './help.ts';

/** A busy machine takes half a minute to start a process that ends at once. */
const WAIT_MS = 60_000;
/** Some reports and some rows of history, each of which wants to be written. */
const FULL_MS = 3000;

const test = suite('ends of agents');
const agents = new Agents();
const full: Excuse = {
  kind: 'journal-full',
  node: 'node0',
  ends: ENDS_AGENT['journal-full'],
  fromNs: 0,
  toNs: Number.POSITIVE_INFINITY,
};
let lab: Lab;
let node: LabNode;

before(test, async () => {
  const small = { nodes: 1, driver: 'micro', net: 'loopback', link: 'none', cores: 'none' } as const;
  lab = await bringUp({ name: 'ends', ...small, databaseMib: 16 }, () => undefined);
  node = lab.nodes[0] as LabNode;
});
test.after(() => lab.down());

async function until(what: string, is: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = Date.now() + WAIT_MS;
  while (!(await is())) {
    assert.ok(Date.now() < untilMs, `${what}, not within ${WAIT_MS} ms`);
    await sleep(20);
  }
}

async function stateOf(vm: string): Promise<string> {
  const { vms } = await node.get<ClusterStatus>('/v1/status');
  return vms.find(v => v.name === vm)?.state ?? 'none';
}

/** Its VMM, killed. */
async function kill(vm: string): Promise<void> {
  const places = { runRoot: dirname(node.runDir), ramRoot: dirname(node.ramDir) };
  const pid = () => processesOf(places).vmms.find(v => v.name === vm)?.pid;
  const first = pid();
  assert.ok(first, `${vm} has a process`);
  process.kill(first, 'SIGKILL');
  await until(`${vm} is gone`, () => pid() !== first);
}

test('a VM that crashed is started again; one that its node leaves after its first crash is seen', async () => {
  const steps = new Steps(lab);
  const wish = { memoryMib: 16 };
  for (const crash of ['restart', 'leave'] as const)
    await lab.runVm('node0', { ...wish, name: crash, crash });
  for (const vm of ['restart', 'leave']) await kill(vm);
  await until('both crashes are told of', () => steps.crashes.length === 2);
  await until('the one runs again', async () => (await stateOf('restart')) === 'running');
  await until('the other stays down', async () => (await stateOf('leave')) === 'crashed');
  steps.close();
  assert.not(givenUp('node0', 'restart', steps.crashes));
  assert.ok(givenUp('node0', 'leave', steps.crashes));
  const down = { node: 'node0', vm: 'leave', state: 'crashed' };
  assert.equal(notStarted([down], steps.crashes), [], 'it waits for an operator');
  assert.is(notStarted([down], []).length, 1);
  assert.equal(
    gaveUpEarly(steps.crashes).map(v => v.what),
    ['node0 gave up on leave at crash 1 in 10 minutes; after 3 it still has to start it'],
  );
});

test('an agent whose database is full while it works goes on; killed behind the back of chaos it is seen, full database or not', async () => {
  fill(databaseDir(node.state));
  await sleep(FULL_MS);
  await node.get('/v1/status');
  await node.kill();
  free(databaseDir(node.state));
  const end = agents.ended(node);
  assert.ok(end.started);
  assert.match(ownEnds([end], [full])[0]?.what ?? '', 'the agent of node0 ended by itself at work');
});

test('an agent that starts on a full database ends and says why, and only that fault explains it', async () => {
  fill(databaseDir(node.state));
  agents.start(node);
  await until('the agent has ended', () => !node.alive);
  const end = agents.ended(node);
  assert.equal(ownEnds([end], [full]), []);
  const [seen] = ownEnds([end], [{ ...full, ends: 'never' }]);
  assert.match(seen?.what ?? '', /ended by itself while it started[\s\S]*No space left/);
});

test('with room again it starts, and one that is killed then was at work, whatever its log said in earlier lives', async () => {
  free(databaseDir(node.state));
  agents.start(node);
  await until('it says that it has started', () => agents.ended(node).started);
  await node.kill();
  const end = agents.ended(node);
  assert.ok(end.started);
  assert.match(ownEnds([end], [{ ...full, toNs: end.fromNs }])[0]?.what ?? '', 'at work');
});

test.run();
