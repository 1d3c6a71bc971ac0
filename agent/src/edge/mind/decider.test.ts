import { decide, isOverloaded, type Move, THRESHOLD_DEFAULTS } from '@shoal/policies';
import type { LoadReport, Mode } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ClusterView } from '../../core/view.ts';
import type { DecisionRecord } from '../http/api.types.ts';
import type { Logger } from '../log.ts';
import { Decider, type DeciderDeps, type OfferAnswer } from './decider.ts';

const vmLoad = (vm: string, cpuMilli: number) => ({
  ...{ vm, name: vm, epoch: 1, state: 'running' as const, cpuMilli, cpuNowMilli: cpuMilli, memoryMib: 64 },
  ...{ residentMib: 64, diskReadBps: 0, diskWriteBps: 0, netRxBps: 0, netTxBps: 0, vcpus: 1 },
  ...{ migration: 'postcopy' as const, pinnedMs: 0, backoffLevel: 0, backoffMs: 0 },
});
const report = (node: string, vms: [string, number][], more: Partial<LoadReport> = {}): LoadReport => ({
  ...{
    node,
    name: node,
    incarnation: 1,
    seq: 1,
    version: '0',
    addresses: [],
    http: '',
    mode: 'auto' as const,
  },
  ...{ policyHash: 'p', cordoned: false, pausedMs: 0, cores: 1, windowFull: true, memoryMib: 4096 },
  ...{ memoryFreeMib: 4096, diskReadBps: 0, diskWriteBps: 0, netRxBps: 0, netTxBps: 0 },
  ...{ sinceRelocationMs: -1, relocation: '', handoffs: [], elected: false },
  cpuPermille: vms.reduce((sum, [, cpu]) => sum + cpu, 0),
  cpuNowPermille: 0,
  vms: vms.map(([vm, cpu]) => vmLoad(vm, cpu)),
  ...more,
});

type World = {
  decider: Decider;
  kept: DecisionRecord[];
  offers: Move[];
  answer(index: number, answer: OfferAnswer): Promise<void>;
  at(nowMs: number): void;
};

/** Node a is overloaded: v0 is to go to b. */
function world(more: Partial<DeciderDeps> = {}): World {
  let nowMs = 0;
  const clusterView = new ClusterView({
    self: 'a',
    staleAfterMs: 1e9,
    overloaded: r => isOverloaded(r, THRESHOLD_DEFAULTS),
  });
  clusterView.merge(
    report('a', [
      ['v0', 200],
      ['v1', 800],
    ]),
    0,
  );
  clusterView.merge(report('b', []), 0);
  const kept: DecisionRecord[] = [];
  const offers: Move[] = [];
  const answers: ((answer: OfferAnswer) => void)[] = [];
  const quiet = () => {};
  const decider = new Decider(
    { self: 'a', rule: 'threshold', policyHash: 'p', cooldownMs: 10_000, config: { ...THRESHOLD_DEFAULTS } },
    {
      clusterView,
      decide: view => decide(view, THRESHOLD_DEFAULTS),
      digest: text => String(text.length),
      mode: () => 'auto',
      paused: () => false,
      own: () => ({ inflow: 0, outgoing: [], maxOutflow: 2, moving: () => false }),
      async keep(record) {
        kept.push(record);
      },
      offer(move) {
        offers.push(move);
        return new Promise(resolve => answers.push(resolve));
      },
      clock: { nowMs: () => nowMs, wallMs: () => 5000 + nowMs },
      log: { info: quiet, warn: quiet, error: quiet, debug: quiet } as unknown as Logger,
      ...more,
    },
  );
  return {
    decider,
    kept,
    offers,
    async answer(index, answer) {
      answers[index]?.(answer);
      await new Promise(resolve => setImmediate(resolve));
    },
    at(ms) {
      nowMs = ms;
    },
  };
}
const refused: OfferAnswer = { accepted: false, code: 'inflow', detail: 'full' };

test('a node whose target is silent goes on: a round does not wait for the answer to its offer', async () => {
  const { decider, offers } = world();
  await decider.tick();
  assert.equal(
    offers.map(m => `${m.vm}>${m.to}`),
    ['v0>b'],
  );
});

test('while an offer is unanswered nothing new is decided, afterwards it is', async () => {
  const { decider, offers, answer } = world();
  await decider.tick();
  await decider.tick();
  assert.is(offers.length, 1);
  await answer(0, refused);
  await decider.tick();
  assert.is(offers.length, 2);
});

test('after three refusals the VM rests for one cooldown, and the record says so', async () => {
  const { decider, offers, kept, answer, at } = world();
  for (let i = 0; i < 3; i++) {
    await decider.tick();
    await answer(i, refused);
  }
  at(9999);
  await decider.tick();
  assert.is(offers.length, 3);
  assert.equal([kept.at(-1)?.action, kept.at(-1)?.held[0]?.code], ['held', 'resting']);
  at(10_000);
  await decider.tick();
  assert.is(offers.length, 4);
});

test('an offer that throws counts as a refusal and does not stop the node from deciding', async () => {
  let tries = 0;
  const { decider } = world({
    async offer() {
      tries += 1;
      throw new Error('disk full');
    },
  });
  for (let i = 0; i < 2; i++) {
    await decider.tick();
    await new Promise(resolve => setImmediate(resolve));
  }
  assert.is(tries, 2);
});

for (const [mode, paused, action] of [
  ['observe', false, 'observed'],
  ['advise', false, 'advised'],
  ['auto', true, 'paused'],
] as [Mode, boolean, string][]) {
  test(`in mode ${mode}${paused ? ', paused,' : ''} the decision is kept as ${action} once, and nobody is asked`, async () => {
    const { decider, offers, kept } = world({ mode: () => mode, paused: () => paused });
    await decider.tick();
    await decider.tick();
    assert.equal([offers.length, kept.map(k => k.action)], [0, [action]]);
    assert.equal(
      kept[0]?.decision.moves.map(m => m.vm),
      ['v0'],
    );
  });
}

test('a pause that comes while the record is written still holds the offer back', async () => {
  let paused = false;
  const { decider, offers } = world({
    paused: () => paused,
    async keep() {
      paused = true;
    },
  });
  await decider.tick();
  assert.is(offers.length, 0);
});

test('the record is kept before anybody is asked; if it cannot be, nobody is', async () => {
  const order: string[] = [];
  const good = world({
    keep: async () => void order.push('kept'),
    offer: async () => {
      order.push('offered');
      return { accepted: true };
    },
  });
  await good.decider.tick();
  await new Promise(resolve => setImmediate(resolve));
  assert.equal(order, ['kept', 'offered']);
  const full = world({
    keep: async () => {
      throw new Error('no space left on device');
    },
  });
  assert.match(await full.decider.tick().catch(error => error.message), /no space/);
  assert.is(full.offers.length, 0);
  assert.match(await full.decider.tick().catch(error => error.message), /no space/);
});

test('a kept record is whole: from its inputs alone the same decision comes out again', async () => {
  const { decider, kept } = world();
  await decider.tick();
  const read = JSON.parse(JSON.stringify(kept[0])) as DecisionRecord;
  assert.equal(decide(read.view, read.config as typeof THRESHOLD_DEFAULTS), read.decision);
  assert.equal(
    read.basis.map(r => r.node),
    ['a', 'b'],
  );
  assert.is(read.decision.candidates[0]?.verdict, 'chosen');
});

test('a row that this node’s own truth forbids is held, with the reason', async () => {
  const { decider, offers, kept } = world({
    own: () => ({ inflow: 0, outgoing: [], maxOutflow: 2, moving: vm => vm === 'v0' }),
  });
  await decider.tick();
  assert.equal([offers.length, kept[0]?.action, kept[0]?.held[0]?.code], [0, 'held', 'moving']);
});

test.run();
