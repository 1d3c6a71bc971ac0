import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ShoalError } from '../../errors.ts';
import { clock } from '../clock.ts';
import type { Handoffs } from '../handoff/handoffs.ts';
import { createJournal, type Journal } from '../handoff/journal.ts';
import { entry, H1, testNode, VM } from '../handoff/test-node.ts';
import type { ClusterStatus } from '../http/api.types.ts';
import { aHandoff, aNode, aVm } from '../http/test-api.ts';
import { type Database, openDatabase } from '../store/store.ts';
import { doubtOf, type ResolveDeps, resolveChange } from './resolve.ts';

let dir: string;
let db: Database;
let journal: Journal;
const alive: Handoffs[] = [];
test.before.each(async () => {
  dir = mkdtempSync(join(tmpdir(), 'shoal-resolve-'));
  db = await openDatabase(dir);
  journal = createJournal(db);
});
test.after.each(async () => {
  for (const handoffs of alive.splice(0)) await handoffs.stop();
  await db.close();
  rmSync(dir, { recursive: true });
});

/** A source that has committed; its target is `peer`, known to the mesh as node1. */
async function inDoubt(peer: Partial<ReturnType<typeof aNode>>, vms: ClusterStatus['vms'] = []) {
  await journal.write(entry(H1, 'source', 'committed', 2));
  const node = testNode(journal, { epoch: 1, runState: 'postmigrate' });
  alive.push(node.handoffs);
  await node.handoffs.recover();
  const nodes = [aNode('node0', { id: 'self' }), aNode('node1', { id: 'peer', ...peer }), aNode('node2')];
  const status = () => ({ nodeId: 'self', nodes, vms, handoffs: [] }) as unknown as ClusterStatus;
  const deps: ResolveDeps = { parties: node.handoffs.parties, clock, status };
  return { node, deps };
}

const refusal = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    const { code, message } = error as ShoalError;
    return `${code}: ${message}`;
  }
  throw new Error('it was not refused');
};
const silent = { state: 'stale', ageMs: 14_000 } as const;

test('what is known of a VM in doubt names the record, the other node, and its last word', async () => {
  const { node, deps } = await inDoubt(silent);
  node.hear({ type: 'ready' });
  const { sentences, words, record, peer, handoff } = doubtOf('web1', deps);
  assert.equal([words, record, peer, handoff], [['peer-is-off'], 'committed', 'node1', H1]);
  assert.match(
    sentences.join(' '),
    /node1 last said `ready`, \d+ s ago; its last report came 14 s ago: it is silent/,
  );
  assert.equal(doubtOf(VM, deps).name, 'web1', 'by UUID too');
});

test('a node of which nothing was ever heard is named by its id, since it has told nobody its name', async () => {
  const { deps } = await inDoubt({ name: '', state: 'unknown', ageMs: -1 });
  const { peer, sentences } = doubtOf('web1', deps);
  assert.is(peer, 'peer');
  assert.match(sentences.join(' '), /peer its target/);
});

test('a word about a node that is heard of is refused, whatever the operator says', async () => {
  const { deps } = await inDoubt({ state: 'awake', ageMs: 400 });
  assert.match(
    refusal(() => resolveChange('web1', 'peer-is-off', 'socket:ann', deps)),
    'SHOAL_RESOLVE_REFUSED: node1 is not off',
  );
});

test('a VM that a third node reports as its own is not started here', async () => {
  const elsewhere = aVm('web1', 'node2', { vm: VM });
  const { deps } = await inDoubt(silent, [elsewhere]);
  assert.match(
    refusal(() => resolveChange('web1', 'peer-is-off', 'socket:ann', deps)),
    'node2 reports the VM as its own',
  );
});

test('a VM that its other node may have passed on before it went off is not started here', async () => {
  const { deps } = await inDoubt(silent);
  const sound = deps.status;
  const refusedWith = (change: (status: ClusterStatus) => ClusterStatus) => {
    deps.status = () => change(sound());
    return refusal(() => resolveChange('web1', 'peer-is-off', 'socket:ann', deps));
  };
  const without = (name: string) => (status: ClusterStatus) => ({
    ...status,
    nodes: status.nodes.map(n => (n.name === name ? { ...n, state: 'unknown' as const, ageMs: -1 } : n)),
  });
  assert.match(refusedWith(without('node2')), 'node2 is silent, and may have the VM from node1');
  const row = aHandoff({ vm: VM, role: 'observer', source: 'node1', target: 'node2' });
  const onItsWay = (status: ClusterStatus) => ({ ...status, handoffs: [row] });
  assert.match(refusedWith(onItsWay), 'it is in another handoff too: node1 → node2');
});

test('a word is carried out only once every other node was heard since it was given', async () => {
  const { node, deps } = await inDoubt(silent);
  const sound = deps.status;
  const started = clock.nowMs();
  // Its report of after the word says that it has the VM.
  deps.status = () => {
    const status = sound();
    const toldMs = clock.nowMs() - started - 300;
    if (toldMs < 0) return status;
    const third = { ...aNode('node2'), ageMs: toldMs };
    const nodes = status.nodes.map(n => (n.name === 'node2' ? third : n));
    return { ...status, nodes, vms: [aVm('web1', 'node2', { vm: VM })] };
  };
  const error = (await resolveChange('web1', 'peer-is-off', 'socket:ann', deps)
    .act()
    .catch((e: ShoalError) => e)) as ShoalError;
  assert.match(error.message, 'node2 reports the VM as its own');
  assert.is((await journal.all())[0]?.record, 'committed');
  assert.equal(node.toVm(), []);
});

test('a word that was right when it was given is refused when the other node is heard before it is carried out', async () => {
  const { node, deps } = await inDoubt(silent);
  const { act } = resolveChange('web1', 'peer-is-off', 'socket:ann', deps);
  const sound = deps.status;
  deps.status = () => {
    const status = sound();
    return { ...status, nodes: status.nodes.map(n => ({ ...n, state: 'awake' as const, ageMs: 100 })) };
  };
  const error = (await act().catch((e: ShoalError) => e)) as ShoalError;
  assert.is(error.code, 'SHOAL_RESOLVE_REFUSED');
  assert.equal(node.toVm(), []);
  assert.is((await journal.all())[0]?.record, 'committed');
});

test('an operator who proves that the other node is off gets the VM started from its disk, and is named for it', async () => {
  const { node, deps } = await inDoubt(silent);
  const { would, act } = resolveChange('web1', 'peer-is-off', 'socket:ann', deps);
  assert.match(would, 'start web1 here from its disks');
  assert.equal(node.toVm(), [], 'nothing was done by asking');
  assert.equal(await act(), { handoff: H1, word: 'peer-is-off' });
  assert.is((await journal.all())[0]?.record, 'resolved');
  for (let i = 0; i < 500 && !node.toVm().includes('settled'); i++)
    await new Promise(resolve => setTimeout(resolve, 10));
  assert.equal(node.toVm(), ['end', 'clean', 'start-cold 65538', 'settled']);
  const [ended] = node.handoffs.parties.over();
  assert.equal([ended?.outcome, ended?.detail], ['resolved', 'peer-is-off by the word of socket:ann']);
});

test('a VM without a handoff on this node has nothing to resolve', async () => {
  const { deps } = await inDoubt(silent);
  assert.match(
    refusal(() => doubtOf('web9', deps)),
    'SHOAL_VM_SETTLED: no handoff of that VM is under way on this node',
  );
});

test.run();
