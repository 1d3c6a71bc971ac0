/** `migrate --wait` asked at a node that takes no part in the move. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { NO_FIGURES } from '../edge/handoff/figures.ts';
import { Timeline } from '../edge/handoff/timeline.ts';
import type { HandoffStatus } from '../edge/http/api.types.ts';
import { aHandoff, aNode, aVm, TestApi } from '../edge/http/test-api.ts';
import { TestServer } from '../edge/http/test-server.ts';
import type { Terminal } from './run.ts';
import { shoal } from './test-terminal.ts';

const NODES = ['node0', 'node1', 'node2'];
const third = new TestServer(new TestApi(NODES.map(name => aNode(name, { http: '' }))));
const source = new TestServer();
const target = new TestServer();
const servers = [third, source, target];
test.before(async () => {
  for (const server of servers) await server.start();
});
test.after(async () => {
  for (const server of servers) await server.stop();
});

const { handoff } = aHandoff();
const observed = aHandoff({
  ...NO_FIGURES,
  ...{ role: 'observer', outcome: '', stage: 'committed', reason: '', at: new Timeline().at },
});
test.before.each(() => {
  third.api.cluster = { ...third.api.cluster, node: 'node2', handoffs: [], vms: [aVm('vm1', 'node0')] };
  for (const node of third.api.cluster.nodes) node.http = '';
  third.api.handoff = async () => undefined;
  third.api.status = () => third.api.cluster;
  third.api.migrate = async () => ({ handoff, source: 'node0', node: 'node1', pinnedMs: 0 });
  for (const side of [source, target]) side.api.handoff = async () => undefined;
});
const offersHttp = (name: string, server: TestServer) => {
  third.api.cluster.nodes.find(node => node.name === name)!.http = server.url.slice('http://'.length);
};
const wait = (terminal: Partial<Terminal> = {}, ...args: string[]) =>
  shoal(['--socket', third.socket, 'migrate', 'vm1', 'node1', '--wait', ...args], terminal);

test('a move asked at a third node is followed at its source, with all figures', async () => {
  offersHttp('node0', source);
  offersHttp('node1', target);
  const looks: HandoffStatus[] = [aHandoff({ outcome: '', stage: 'switching' }), aHandoff()];
  source.api.handoff = async id =>
    id === handoff ? (looks.length > 1 ? looks.shift() : looks[0]) : undefined;
  target.api.handoff = async () => aHandoff({ role: 'target' });
  const { code, out, note } = await wait();
  assert.is(code, 0);
  assert.match(out, /^vm1 moved from node0 to node1 by postcopy, switch 72 ms.* faults 812 /);
  assert.match(note, 'vm1 node0 → node1: switching');
});

test('where its source answers nothing it is followed at its target', async () => {
  offersHttp('node1', target);
  target.api.handoff = async () => aHandoff({ role: 'target' });
  assert.match((await wait()).out, 'vm1 moved from node0 to node1 by postcopy, switch 72 ms');
});

test('an answer that is no handoff, or another one, is not believed', async () => {
  offersHttp('node0', source);
  offersHttp('node1', target);
  source.api.handoff = async () => ({ ...aHandoff(), wireBytes: 'many' }) as unknown as HandoffStatus;
  target.api.handoff = async () =>
    aHandoff({ role: 'target', handoff: 'a1b2c3d4-0000-4000-8000-000000000002' });
  third.api.cluster.vms = [aVm('vm1', 'node1')];
  assert.is((await wait()).out, 'vm1 moved from node0 to node1\n');
});

type Heard = { handoffs: HandoffStatus[]; at: string; stale?: boolean };

/** What the third node hears: one step a look, the last stays. Answers how to wait between looks. */
function hears(...steps: Heard[]): Pick<Terminal, 'sleep'> {
  const { cluster } = third.api;
  let looks = 0;
  third.api.status = () => {
    const { handoffs, at, stale = false } = steps[Math.min(looks, steps.length - 1)]!;
    return { ...cluster, handoffs, vms: [aVm('vm1', at, { stale })] };
  };
  return { sleep: async () => void looks++ };
}

test('where neither answers it is followed by what the asked node hears, to the VM on its target', async () => {
  const paced = hears(
    { handoffs: [], at: 'node0' },
    { handoffs: [observed], at: 'node0' },
    { handoffs: [{ ...observed, inDoubt: true }], at: 'node0' },
    { handoffs: [], at: 'node1' },
  );
  const { code, out, note } = await wait(paced);
  assert.equal([code, out], [0, 'vm1 moved from node0 to node1 by postcopy\n']);
  assert.equal(note.split('\n'), [
    'vm1 node0 → node1: asked for',
    'vm1 node0 → node1: committed',
    'vm1 node0 → node1: committed, in doubt, see `shoal resolve vm1` on node0',
    '',
  ]);
});

test('a VM that nothing moves any more, and that stays where it was, has not moved', async () => {
  const paced = hears({ handoffs: [observed], at: 'node0' }, { handoffs: [], at: 'node0' });
  let nowMs = 0;
  const now = () => {
    nowMs += 500;
    return nowMs;
  };
  const { code, note } = await wait({ ...paced, now });
  assert.is(code, 1);
  assert.match(
    note,
    'it did not move (aborted): node2 hears of no handoff of it any more, and that it is on node0 (vm1). It is on node0 still',
  );
});

test('of a VM whose node is silent nothing is concluded', async () => {
  const paced = hears({ handoffs: [observed], at: 'node0' }, { handoffs: [], at: 'node1', stale: true });
  const { code, note } = await wait(paced, '--timeout', '300ms');
  assert.is(code, 1);
  assert.match(note, 'the handoff has not ended after');
});

test.run();
