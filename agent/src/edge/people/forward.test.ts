import { randomUUID } from 'node:crypto';
import { type Action, decodeAction, encodeAction } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LINES } from '../../core/rate.ts';
import { ShoalError } from '../../errors.ts';
import { clock } from '../clock.ts';
import { aNode, aVm, TestApi } from '../http/test-api.ts';
import { type TestNode, TestNodes, until } from '../mesh/test-nodes.ts';
import { Forward } from './forward.ts';
import type { Person } from './person.ts';
import { type TestPeople, testPeople } from './testing.ts';
import { hashOf, mint, proofOf } from './token.ts';

const nodes = new TestNodes();
test.after(() => nodes.stop());

const quiet = () => undefined;
/** Events of warnings of either node. */
const warned: string[] = [];
const warn = (fields: object) => void warned.push(String((fields as { event?: string }).event));
const silent = { debug: quiet, info: quiet, warn, error: quiet };
type Side = TestPeople & { node: TestNode; api: TestApi; forward: Forward };

let [x, y] = [] as unknown as [Side, Side];
let person: Person;
test.before(async () => {
  const entries = await nodes.plan('x', 'y');
  const ids = entries.map(e => e.id);
  const cluster = ['node0', 'node1'].map((name, i) => aNode(name, { id: ids[i]! }));
  const vms = [aVm('vm1', 'node1', { nodeId: ids[1]!, vm: '00000000-0000-4000-8000-000000000001' })];
  [x, y] = (await Promise.all(
    ['x', 'y'].map(async (name, i): Promise<Side> => {
      const node = await nodes.start(name, entries[i]!, entries);
      const api = new TestApi(cluster, vms);
      api.cluster = { ...api.cluster, node: `node${i}`, nodeId: ids[i]! };
      const made = testPeople(silent, `node${i}`);
      const { people } = made;
      const forward = new Forward({ people, api, mesh: node.mesh, newId: randomUUID, clock, log: silent });
      await forward.start();
      return { ...made, node, api, forward };
    }),
  )) as [Side, Side];
  await until('connected', () => x.node.mesh.peers().length > 0 && y.node.mesh.peers().length > 0);
  const { token, record } = await x.people.tokens.create('operate', 'ann', 0);
  await y.people.tokens.add(record);
  person = x.people.gate.onHttps(
    { authorization: `Bearer ${token}`, address: '10.0.0.7', actor: undefined },
    'operate',
  );
});
test.before.each(() => {
  for (const side of [x, y]) {
    side.api.asked.length = 0;
    side.api.failWith = undefined;
    side.time.ms += 3_600_000;
  }
});

const ask = async (
  action: Action['action'],
  body: object = {},
  dry = false,
  who = person,
): Promise<unknown> => {
  const there = x.forward.route(who, action, 'vm1', dry, body)!;
  return x.people.carryOut(who, { what: action, subject: 'vm1', ...there.to }, dry, there.ask);
};
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    error => (error as ShoalError).code,
  );

test('a change asked at one node is carried out by the node that has the VM, and answered as by that node', async () => {
  const moving = {
    handoff: x.api.handoffRows[0]!.handoff,
    source: 'node1',
    node: 'node0',
    pinnedMs: 3_600_000,
  };
  assert.equal(await ask('migrate', { node: 'node0', engine: 'precopy' }), moving);
  assert.equal(await ask('stop'), { forced: false });
  for (const action of ['start', 'destroy', 'cancel', 'unpin'] as const)
    assert.is(await ask(action), undefined);
  assert.equal(await ask('stop', {}, true), { would: 'stop vm1: nothing hinders it' });
  assert.equal(x.api.asked, [], 'nothing was done where it was asked');
  assert.equal(y.api.asked, [
    ['migrate', 'vm1', 'node0', 'precopy'],
    ...['stop', 'start', 'destroy', 'cancel', 'unpin'].map(action => [action, 'vm1']),
    ['stop', 'vm1', 'dry'],
  ]);
});

test('no token is sent to a node that claims a VM which another one has too, nor to one that is not heard any more', () => {
  const sound = x.api.cluster;
  const [vm] = sound.vms;
  assert.ok(vm);
  const claims = [{ ...vm, node: 'rogue', nodeId: 'rogue' }, vm];
  for (const vms of [claims, [...claims].reverse(), [{ ...vm, stale: true }]]) {
    x.api.cluster = { ...sound, vms };
    try {
      x.forward.route(person, 'stop', 'vm1', false, {});
      assert.unreachable();
    } catch (error) {
      assert.is((error as ShoalError).code, 'SHOAL_VM_ELSEWHERE');
    } finally {
      x.api.cluster = sound;
    }
  }
});

test('both nodes have it in their audit logs, under one request', async () => {
  await ask('stop');
  const [here, there] = await Promise.all([x, y].map(async side => (await side.people.audit.last(1))[0]!));
  assert.equal(
    [here, there].map(r => [r!.name, r!.from, r!.what, r!.subject, r!.node, r!.result]),
    [
      ['ann', '10.0.0.7', 'stop', 'vm1', 'node1', 'done'],
      ['ann', 'node0, from 10.0.0.7', 'stop', 'vm1', 'node1', 'done'],
    ],
  );
  assert.equal([here!.request, here!.who], [there!.request, there!.who]);
  assert.match(here!.request, /^[0-9a-f-]{36}$/);
});

test("the other node's own rules are told as it told them, and nothing else is done", async () => {
  y.api.failWith = new ShoalError('SHOAL_VM_BUSY', 'a stop of it is under way', 'vm1', 'Wait for its end');
  const error = (await ask('stop').catch((e: ShoalError) => e)) as ShoalError;
  assert.equal(
    [error.code, error.message, error.todo],
    ['SHOAL_VM_BUSY', 'a stop of it is under way', 'Wait for its end'],
  );
  assert.is((await x.people.audit.last(1))[0]!.code, 'SHOAL_VM_BUSY');
  y.api.failWith = new Error('secret of the house');
  const inside = (await ask('stop').catch((e: ShoalError) => e)) as ShoalError;
  assert.is(inside.code, 'SHOAL_INTERNAL');
  assert.not(JSON.stringify([inside.message, inside.where]).includes('secret'));
});

test('a token that the other node does not know, or knows as revoked, is refused there, whatever the asked node thinks', async () => {
  const only = await x.people.tokens.create('operate', 'here', 0);
  const local = x.people.gate.onHttps(
    { authorization: `Bearer ${only.token}`, address: '', actor: undefined },
    'read',
  );
  assert.is(await codeOf(ask('stop', {}, false, local)), 'SHOAL_HTTP_UNAUTHORIZED');
  await y.people.tokens.add(only.record);
  assert.is(await codeOf(ask('stop', {}, false, local)), 'no error');
  await y.people.tokens.revoke(only.id);
  assert.is(await codeOf(ask('stop', {}, false, local)), 'SHOAL_HTTP_UNAUTHORIZED');
  const low = await x.people.tokens.create('read', 'low', 0);
  await y.people.tokens.add(low.record);
  const reader = x.people.gate.onHttps(
    { authorization: `Bearer ${low.token}`, address: '', actor: undefined },
    'read',
  );
  assert.is(await codeOf(ask('stop', {}, false, reader)), 'SHOAL_HTTP_FORBIDDEN');
  assert.equal(y.api.asked, [['stop', 'vm1']]);
});

test('who has no token, at the socket, is told where to ask', async () => {
  const local = x.people.gate.onSocket({ authorization: undefined, address: '', actor: 'ann' });
  const error = (await ask('stop', {}, false, local).catch((e: ShoalError) => e)) as ShoalError;
  assert.equal(
    [error.code, error.message],
    ['SHOAL_VM_ELSEWHERE', 'the VM is on node1, and only its node may change it'],
  );
  assert.equal(y.api.asked, []);
});

test('who shows a token at the socket is forwarded by it, and named by it in both logs', async () => {
  const { token } = await x.people.tokens.create('operate', 'both', 0);
  await y.people.tokens.add(x.people.tokens.list().find(t => t.name === 'both')!.record);
  const asked = { authorization: `Bearer ${token}`, address: '', actor: 'ann' };
  assert.equal(await ask('stop', {}, false, x.people.gate.onSocket(asked)), { forced: false });
  const [here, there] = await Promise.all([x, y].map(async side => (await side.people.audit.last(1))[0]!));
  assert.equal([here!.who, here!.name], ['socket:ann', 'both']);
  assert.equal(
    [there!.who.slice(0, 6), there!.name, there!.from],
    ['token:', 'both', 'node0, from unix socket'],
  );
});

test('a wish for the pages is refused where the VM is not, instead of being lost on the way', () => {
  const ask = (wish: object) => () => x.forward.route(person, 'migrate', 'vm1', false, wish);
  assert.throws(ask({ order: 'windows' }), /the order of its pages is chosen there only/);
  assert.throws(ask({ compression: 'off' }), /the compression of its pages is chosen there only/);
  assert.throws(ask({ bulkBytesPerSecond: 0 }), /the bandwidth of its pages is chosen there only/);
  assert.throws(ask({ bulkWindowBytes: 0 }), /the window of its pages is chosen there only/);
  assert.throws(ask({ earlyRelease: 'on' }), /the early release of its memory is chosen there only/);
  assert.throws(ask({ engine: 'warm' }), /the engine warm is chosen there only/);
  assert.throws(ask({ engine: 'qemu-postcopy' }), /the engine qemu-postcopy is chosen there only/);
  try {
    ask({ bulkBytesPerSecond: 1_000_000 })();
    assert.unreachable();
  } catch (error) {
    assert.is((error as ShoalError).todo, 'Ask on node1, or leave bulkBytesPerSecond (--bandwidth) away');
  }
});

test('a change of a VM that is here is not forwarded', () => {
  assert.is(y.forward.route(person, 'stop', 'vm1', false, {}), undefined);
  assert.is(x.forward.route(person, 'stop', 'none', false, {}), undefined);
});

/** What a stolen member could send with all that it ever saw of a token it was not shown: the record. */
test('the record of a token is no proof, and guessing is slow', async () => {
  const { token, hash } = mint();
  const [id] = [proofOf(token)!.id];
  await y.people.tokens.add([id, 'operate', 0, hash, 'unseen'].join('.'));
  const answers: string[] = [];
  const forged = (proof: string): Action => ({
    type: 'action',
    request: randomUUID(),
    action: 'stop',
    vm: 'vm1',
    node: '',
    engine: '',
    dry: false,
    token: id,
    proof,
    from: '',
  });
  // The channel's other listener reads along.
  await x.node.mesh.actions
    .open((_, frame) => {
      const decoded = decodeAction(frame);
      if (decoded.ok && decoded.value.type === 'action-answer') answers.push(decoded.value.code);
    })
    .catch(() => undefined);
  for (const proof of [hash, hashOf(hash), ...Array.from({ length: 10 }, () => hashOf(randomUUID()))])
    await x.node.mesh.actions.send(y.node.mesh.id, encodeAction(forged(proof)));
  await until('all are answered', () => answers.length >= 12);
  assert.equal(answers.sort(), [
    ...Array(2).fill('SHOAL_HTTP_RATE'),
    ...Array(10).fill('SHOAL_HTTP_UNAUTHORIZED'),
  ]);
  assert.equal(y.api.asked, []);
});

test('bytes that are no action are told in the log, many in a few lines, and the next action is answered', async () => {
  warned.length = 0;
  const begunMs = performance.now();
  for (let i = 0; i < 40; i++) await x.node.mesh.actions.send(y.node.mesh.id, new Uint8Array([1, 2, 3]));
  assert.equal(await ask('stop'), { forced: false });
  const lines = warned.filter(event => event === 'action-refused').length;
  const allowed = LINES.burst + ((performance.now() - begunMs) / 1000) * LINES.perSecond;
  assert.ok(lines > 0 && lines <= allowed + 1, `${lines} lines about 40 frames`);
});

test('a node that goes while it works on it leaves it unknown, and says so at once', async () => {
  let stopping = (): void => undefined;
  const reached = new Promise<void>(resolve => {
    stopping = resolve;
  });
  y.api.stop = () => {
    stopping();
    return new Promise(() => undefined);
  };
  const asked = codeOf(ask('stop'));
  await reached;
  await nodes.stopOne(y.node);
  assert.is(await asked, 'SHOAL_FORWARD_LOST');
  const [row] = await x.people.audit.last(1);
  assert.equal([row!.result, row!.code], ['failed', 'SHOAL_FORWARD_LOST']);
  assert.is((await y.people.audit.last(1))[0]!.result, 'asked', 'under way when it went');
});

test('a node that is gone is not asked, and nothing is done', async () => {
  await until('it is known to be gone', () => x.node.mesh.peers().length === 0);
  assert.is(await codeOf(ask('stop')), 'SHOAL_PEER_UNREACHABLE');
});

test.run();
