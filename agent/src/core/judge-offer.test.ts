import { type NodeView, THRESHOLD_DEFAULTS, type View, type VmView } from '@shoal/policies';
import type { Offer } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { judgeOffer, type OwnTruth, type Reevaluation } from './judge-offer.ts';

const offer = (more: Partial<Offer> = {}): Offer =>
  ({
    type: 'offer',
    spec: { vm: 'v', name: 'vm0', memoryMib: 512 },
    engine: 'postcopy',
    reason: 'overload',
    policyHash: 'p',
    ...more,
  }) as Offer;
const vm = (id: string, more: Partial<VmView> = {}): VmView =>
  ({ vm: id, name: id, state: 'running', cpuMilli: 200, labels: {}, ...more }) as VmView;
const node = (id: string, vms: VmView[], more: Partial<NodeView> = {}): NodeView =>
  ({
    node: id,
    name: id,
    state: 'awake',
    cores: 1,
    cpuPermille: 0,
    sinceRelocationMs: -1,
    vms,
    ...more,
  }) as NodeView;
const present = (b: Partial<NodeView> = {}, v: Partial<VmView> = {}): View => ({
  self: 'b',
  nodes: [node('a', [vm('v', v)]), node('b', [], b)],
});
const truth = (more: Partial<OwnTruth> = {}): OwnTruth => ({
  self: 'b',
  mode: 'auto',
  cordoned: false,
  closed: false,
  pausedMs: 0,
  policyHash: 'p',
  config: THRESHOLD_DEFAULTS,
  memoryFreeMib: 1024,
  reserveMib: 0,
  inflow: 0,
  vms: 0,
  postcopy: true,
  names: new Set(),
  ownsVm: false,
  claimedBy: undefined,
  outgoing: [],
  faults: [],
  present: present(),
  ...more,
});
const decided = (moves: object[], refusals: object[] = []) =>
  ({ decision: { moves, refusals, wake: [], suspend: [] }, view: {} }) as unknown as Reevaluation;
const asked = decided([
  { vm: 'v', from: 'a', to: 'b', reason: 'overload', sentence: '' },
  { vm: 'w', from: 'a', to: 'b', reason: 'consolidate', sentence: '' },
]);
const judged = (o: Offer, t: OwnTruth, again: Reevaluation | undefined = asked) => {
  const verdict = judgeOffer(o, 'a', t, again);
  return verdict.ok ? { code: 'ok', detail: '', numbers: {} } : verdict;
};
const label = { plb_anti_affinity_db: '' };

type Row = [what: string, code: string, own: Partial<OwnTruth>, offered?: Partial<Offer>];
const byHand: Row[] = [
  ['whose disks are elsewhere', 'spec', { faults: ['disk root: other bytes'] }],
  ['whose VM this node owns', 'owned', { ownsVm: true }],
  ['whose VM a third node claims', 'claimed', { claimedBy: 'node7' }],
  ['whose name is taken', 'name', { names: new Set(['vm0']) }],
  ['for post-copy, which does not work here,', 'engine', { postcopy: false }],
  ['for QEMU’s post-copy, where none works,', 'engine', { postcopy: false }, { engine: 'qemu-postcopy' }],
  [
    'for QEMU’s post-copy of a VM that is not QEMU’s',
    'engine',
    {},
    {
      engine: 'qemu-postcopy',
      spec: { vm: 'v', name: 'vm0', memoryMib: 512, driver: 'micro' } as Offer['spec'],
    },
  ],
  ['toward a cordoned node', 'cordoned', { cordoned: true }],
  ['that does not fit with the reserve', 'fits-memory', { memoryFreeMib: 600, reserveMib: 100 }],
  ['beyond the VMs that a report holds', 'full', { vms: 64 }],
  ['beyond the inflow', 'inflow', { inflow: 1 }],
];
const byRule: Row[] = [
  ['while moves are paused', 'paused', { pausedMs: 5 }],
  ['toward a node that only observes', 'mode', { mode: 'observe' }],
  ['toward a node that only advises', 'mode', { mode: 'advise' }],
  [
    'that crosses an own one that goes first',
    'yield',
    { outgoing: [{ peer: 'a', reason: 'overload', accepted: false }] },
    { reason: 'consolidate' },
  ],
  ['to pack under another policy', 'policy-differs', {}, { reason: 'consolidate', policyHash: 'q' }],
  ['that this node has no CPU for any more', 'fits-cpu', { present: present({ cpuPermille: 700 }) }],
  ['while this node rests after a relocation', 'cooldown', { present: present({ sinceRelocationMs: 4000 }) }],
  [
    'whose VM may not be with one that is here',
    'anti-affinity',
    { present: present({ vms: [vm('w', { labels: label })] }, { labels: label }) },
  ],
  [
    'whose VM the source has not got by its own report',
    'no-target',
    {},
    { spec: { vm: 'x', name: 'x', memoryMib: 1 } as Offer['spec'] },
  ],
];

for (const [what, code, own, offered] of byHand) {
  test(`an offer ${what} is refused as ${code}, also when it is made by hand`, () => {
    assert.is(judged(offer(offered), truth(own)).code, code);
    assert.is(judged(offer({ reason: 'manual', ...offered }), truth(own), undefined).code, code);
  });
}
for (const [what, code, own, offered] of byRule) {
  test(`an offer ${what} is refused as ${code}`, () => {
    const o = offer(offered);
    const again = decided([{ vm: o.spec.vm, from: 'a', to: 'b', reason: o.reason, sentence: '' }]);
    assert.is(judged(o, truth(own), again).code, code);
  });
}

test('a manual move needs no rule: it is taken while paused, by a node that observes, rests, is busy and runs another policy', () => {
  const own = truth({
    pausedMs: 5,
    mode: 'observe',
    present: present({ sinceRelocationMs: 0, cpuPermille: 950 }),
  });
  assert.is(judged(offer({ reason: 'manual', policyHash: 'q' }), own, undefined).code, 'ok');
});

test('an offer that the rule asks for on the same reports is accepted', () => {
  assert.is(judged(offer(), truth()).code, 'ok');
});

test('an offer for which the rule asks another reason or another target is refused, and the rule’s move is named', () => {
  const other = decided([
    { vm: 'v', from: 'a', to: 'c', reason: 'overload', sentence: 'vm0 leaves a for c' },
  ]);
  assert.match(
    judged(offer(), truth(), other).detail,
    /asks for no such move: it asks for: vm0 leaves a for c/,
  );
  assert.is(judged(offer({ reason: 'consolidate' }), truth()).code, 'not-by-rule');
});

test('an offer that the rule does not ask for here is refused with the rule’s own sentence', () => {
  const unasked = decided([], [{ vm: 'v', node: '', sentence: 'vm0 is pinned for another 5 s' }]);
  const { code, detail } = judged(offer(), truth(), unasked);
  assert.is(code, 'not-by-rule');
  assert.is(
    detail,
    "on the same reports this node's rule asks for no such move: vm0 is pinned for another 5 s",
  );
});

test('an offer whose reports are unknown here is refused by name of the report', () => {
  assert.match(judged(offer(), truth(), { missing: 'a 1/7' }).detail, /a 1\/7/);
  const none = judgeOffer(offer(), 'a', truth(), undefined);
  assert.is(!none.ok && none.code, 'basis');
});

test('a spread out of an overload is accepted from a node with other parameters, if there is room by our own numbers', () => {
  const unasked = decided([]);
  assert.is(judged(offer({ policyHash: 'q' }), truth(), unasked).code, 'ok');
  assert.is(
    judged(offer({ policyHash: 'q' }), truth({ present: present({ cpuPermille: 700 }) }), unasked).code,
    'fits-cpu',
  );
});

test('an overcommitted node refuses with numbers that can travel: whole and not below zero', () => {
  const { numbers, detail } = judged(offer(), truth({ memoryFreeMib: -700 }));
  assert.equal(
    [numbers, detail],
    [{ needMib: 512, freeMib: 0 }, 'it needs 512 MiB with the reserve, 0 MiB are free'],
  );
  assert.equal(judged(offer(), truth({ pausedMs: 4.7 })).numbers, { pausedMs: 5 });
});

test.run();
