import { decide, isOverloaded, THRESHOLD_DEFAULTS } from '@shoal/policies';
import type { LoadReport, Offer } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ClusterView } from '../../core/view.ts';
import { clock } from '../clock.ts';
import type { OwnedVm } from '../vms/record.ts';
import { type JudgeDeps, judge } from './judge.ts';

const config = THRESHOLD_DEFAULTS;
const vmLoad = (vm: string, cpuMilli: number) => ({
  ...{ vm, name: `name-${vm}`, epoch: 1, state: 'running', cpuMilli, memoryMib: 512 },
  ...{ migration: 'postcopy', pinnedMs: 0, backoffMs: 0, backoffLevel: 0 },
});
const report = (node: string, seq: number, vms: [string, number][], more: Partial<LoadReport> = {}) =>
  ({
    ...{ node, name: node, incarnation: 1, seq, mode: 'auto', policyHash: 'p', cordoned: false, pausedMs: 0 },
    ...{ cores: 1, windowFull: true, memoryMib: 4096, memoryFreeMib: 4096, sinceRelocationMs: -1 },
    ...{ relocation: '', handoffs: [], elected: false },
    cpuPermille: vms.reduce((sum, [, cpu]) => sum + cpu, 0),
    vms: vms.map(([vm, cpu]) => vmLoad(vm, cpu)),
    ...more,
  }) as LoadReport;
const offer = (more: Partial<Offer> = {}): Offer =>
  ({
    ...{
      type: 'offer',
      reason: 'overload',
      engine: 'postcopy',
      policyHash: 'p',
      relocation: 'r',
      diskNonces: {},
    },
    spec: { vm: 'v', name: 'name-v', memoryMib: 512, labels: {} },
    basis: [
      { node: 'a', incarnation: 1, seq: 1 },
      { node: 'b', incarnation: 1, seq: 1 },
    ],
    ...more,
  }) as unknown as Offer;

/** Node b judges; node a is overloaded by v and w. */
function world(more: Partial<JudgeDeps> = {}) {
  let nowMs = 0;
  const clusterView = new ClusterView({
    self: 'b',
    staleAfterMs: 3000,
    overloaded: r => isOverloaded(r, config),
  });
  const a = report('a', 1, [
    ['v', 200],
    ['w', 800],
  ]);
  clusterView.merge(a, 0);
  clusterView.merge(report('b', 1, []), 0);
  const deps: JudgeDeps = {
    vms: { list: () => [], get: () => undefined },
    host: { judge: async () => [], checkDiskNonces: async () => [] },
    flags: () => ({ cordoned: false, closed: false, pausedMs: 0 }),
    clusterView,
    decide: view => decide(view, config),
    mode: () => 'auto',
    freeMib: () => 4096,
    parties: { inflow: () => 0, promised: () => 0, outgoing: () => [] },
    relocation: () => undefined,
    clock: { ...clock, nowMs: () => nowMs, wallMs: () => nowMs },
    ...more,
  };
  return {
    clusterView,
    deps,
    at: (ms: number) => {
      nowMs = ms;
    },
    async code(o: Offer = offer()) {
      const options = { self: 'b', policyHash: 'p', config, reserveMib: 0, postcopy: true };
      const verdict = await judge(o, 'a', options, deps);
      return verdict.ok ? 'ok' : verdict.code;
    },
  };
}

test('an offer is judged on the reports that it names, though the source is idle by now', async () => {
  const { code, clusterView, at } = world();
  at(900);
  clusterView.merge(
    report('a', 2, [
      ['v', 10],
      ['w', 10],
    ]),
    900,
  );
  assert.is(await code(), 'ok');
});

test('an offer that arrives before the report it stands on is judged when that has come', async () => {
  const { code, clusterView } = world();
  setTimeout(
    () =>
      clusterView.merge(
        report('a', 2, [
          ['v', 200],
          ['w', 800],
        ]),
        0,
      ),
    60,
  );
  const basis = [
    { node: 'a', incarnation: 1, seq: 2 },
    { node: 'b', incarnation: 1, seq: 1 },
  ];
  assert.is(await code(offer({ basis })), 'ok');
});

test('a report that never comes is waited for a moment and then named in the refusal', async () => {
  const { deps, code } = world();
  let nowMs = 0;
  deps.clock = {
    ...clock,
    nowMs: () => {
      nowMs += 300;
      return nowMs;
    },
    wallMs: () => 0,
  };
  assert.is(await code(offer({ basis: [{ node: 'x', incarnation: 1, seq: 1 }] })), 'basis');
});

test('a node that took part in another relocation a moment ago rests, though no report says so yet', async () => {
  const { code, deps } = world();
  deps.relocation = () => ({ id: 'other', atMs: 0 });
  assert.is(await code(), 'cooldown');
  deps.relocation = () => ({ id: 'r', atMs: 0 });
  assert.is(await code(), 'ok', 'rows of one relocation do not hold each other up');
});

test('a relocation elsewhere, of which a newer report tells, holds the cluster up', async () => {
  const { code, clusterView } = world();
  clusterView.merge(report('c', 1, [], { sinceRelocationMs: 500, relocation: 'other' }), 0);
  assert.is(await code(), 'cooldown');
});

test('a VM that a third living node claims is not taken, one that only a dead node claims is', async () => {
  const { code, clusterView, at } = world();
  clusterView.merge(report('c', 1, [['v', 0]]), 0);
  assert.is(await code(offer({ reason: 'manual', basis: [] })), 'claimed');
  at(3001);
  assert.is(await code(offer({ reason: 'manual', basis: [] })), 'ok');
});

test('a name that any node of the view uses for another VM is taken, the VM’s own is not', async () => {
  const { code } = world();
  const named = (name: string) =>
    offer({ reason: 'manual', basis: [], spec: { vm: 'v', name, memoryMib: 1, labels: {} } as never });
  assert.equal([await code(named('name-w')), await code(named('name-v'))], ['name', 'ok']);
});

test('labels of this node’s VMs and of the offered one are held against each other', async () => {
  const labels = { plb_anti_affinity_db: '' };
  const own = [{ record: { spec: { vm: 'x', name: 'x', labels } } }] as unknown as OwnedVm[];
  const { code, clusterView } = world({ vms: { list: () => own, get: () => undefined } });
  clusterView.merge(report('b', 2, [['x', 0]]), 0);
  const labelled = offer({ spec: { vm: 'v', name: 'name-v', memoryMib: 512, labels } as never });
  assert.equal([await code(), await code(labelled)], ['ok', 'anti-affinity']);
});

test('the disks are looked at only when the spec is fine', async () => {
  let looked = 0;
  const { code, deps } = world();
  const checkDiskNonces = async () => {
    looked += 1;
    return ['disk root: other bytes'];
  };
  deps.host = { judge: async () => ['bridge br9 does not exist'], checkDiskNonces };
  assert.equal([await code(), looked], ['spec', 0]);
  deps.host = { judge: async () => [], checkDiskNonces };
  assert.equal([await code(), looked], ['spec', 1]);
});

test.run();
