import type { Offer } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { judgeOffer, type OwnTruth, type Reevaluation } from './judge-offer.ts';

const offer = (more: Partial<Offer> = {}): Offer =>
  ({
    type: 'offer',
    spec: { vm: 'v', name: 'vm0', memoryMib: 512 },
    reason: 'overload',
    policyHash: 'p',
    ...more,
  }) as Offer;
const truth = (more: Partial<OwnTruth> = {}): OwnTruth => ({
  self: 'b',
  mode: 'auto',
  cordoned: false,
  pausedMs: 0,
  policyHash: 'p',
  memoryFreeMib: 1024,
  reserveMib: 0,
  inflow: 0,
  maxInflow: 1,
  names: new Set(),
  ownsVm: false,
  outgoing: undefined,
  faults: [],
  ...more,
});
const asked = {
  decision: { moves: [{ vm: 'v', from: 'a', to: 'b' }], refusals: [], wake: [], suspend: [] },
  view: {},
} as unknown as Reevaluation;
const unasked = {
  decision: { moves: [], refusals: [{ vm: 'v', node: '', sentence: 'cooling down' }], wake: [], suspend: [] },
  view: {},
} as unknown as Reevaluation;
const code = (o: Offer, t: OwnTruth, again: Reevaluation | undefined = asked, source = 'a') => {
  const verdict = judgeOffer(o, source, t, again);
  return verdict.ok ? 'ok' : verdict.code;
};

const refusals: [string, string, Partial<OwnTruth>, Partial<Offer>?][] = [
  ['whose disks are elsewhere', 'spec', { faults: ['disk root: other bytes'] }],
  ['whose VM this node owns', 'owned', { ownsVm: true }],
  ['whose name is taken', 'name', { names: new Set(['vm0']) }],
  ['toward a cordoned node, by hand too', 'cordoned', { cordoned: true }, { reason: 'manual' }],
  ['while moves are paused', 'paused', { pausedMs: 5 }],
  ['toward a node that only observes', 'mode', { mode: 'observe' }],
  ['that does not fit with the reserve', 'fits-memory', { memoryFreeMib: 600, reserveMib: 100 }],
  ['beyond the inflow', 'inflow', { inflow: 1 }],
  ['to pack under another policy', 'policy-differs', {}, { reason: 'consolidate', policyHash: 'q' }],
];
for (const [what, expected, own, more] of refusals) {
  test(`an offer ${what} is refused as ${expected}`, () =>
    assert.is(code(offer(more), truth(own)), expected));
}

test('an offer that the rule asks for on the same reports is accepted', () =>
  assert.is(code(offer(), truth()), 'ok'));

test('an offer that the rule does not ask for here is refused with the rule’s own sentence', () => {
  const verdict = judgeOffer(offer(), 'a', truth(), unasked);
  assert.ok(!verdict.ok && verdict.code === 'not-by-rule' && verdict.detail.includes('cooling down'));
});

test('an offer whose reports are unknown here is refused by name of the report', () => {
  assert.is(code(offer(), truth(), { missing: 'a/1/7' }), 'basis');
  assert.is(judgeOffer(offer(), 'a', truth(), undefined).ok, false);
});

test('a spread out of an overload is accepted from a node with other parameters', () => {
  assert.is(code(offer({ policyHash: 'q' }), truth(), unasked), 'ok');
});

test('a manual move needs no rule, is taken while paused and by a node that only observes', () => {
  assert.is(code(offer({ reason: 'manual' }), truth({ pausedMs: 5, mode: 'observe' }), undefined), 'ok');
});

test('of two crossing offers exactly one survives, whatever the reasons and ids', () => {
  for (const ours of ['overload', 'consolidate', 'manual'] as const) {
    for (const theirs of ['overload', 'consolidate', 'manual'] as const) {
      const swapped = {
        decision: { moves: [{ vm: 'v', from: 'b', to: 'a' }], refusals: [], wake: [], suspend: [] },
        view: {},
      } as unknown as Reevaluation;
      const atB = code(offer({ reason: theirs }), truth({ outgoing: { reason: ours } }), asked, 'a') === 'ok';
      const atA =
        code(offer({ reason: ours }), truth({ self: 'a', outgoing: { reason: theirs } }), swapped, 'b') ===
        'ok';
      assert.is(Number(atA) + Number(atB), 1, `${theirs} toward b, ${ours} toward a`);
    }
  }
});

test.run();
