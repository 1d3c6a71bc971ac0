import { decodeLoadReport, encodeLoadReport, type HandoffLoad } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Load, Sampler } from '../sampler/sampler.ts';
import type { OwnedVm } from '../vms/record.ts';
import { makeReport, type ReportInputs } from './reporter.ts';

const NODE = '12D3KooWA2qHLGAzuxTkzXfLpHFyVZ4VLjUSw9CV3pNN1vHVqLyL';
const UUID = '6f1c3a52-0d7e-4b8a-9a53-2f4e8c1d7b90';
const inputs = (more: Partial<ReportInputs> = {}): ReportInputs => ({
  identity: { node: NODE, name: 'node0', incarnation: 1, version: '0.1.0' },
  addresses: ['/ip4/198.18.0.1/tcp/7420'],
  http: '198.18.0.1:7421',
  mode: 'auto',
  policyHash: '0123456789abcdef',
  cordoned: false,
  pausedMs: 0,
  cores: 2,
  cooldownMs: 10_000,
  memoryMib: 4096,
  memoryFreeMib: 2048,
  relocation: undefined,
  elected: false,
  vms: [],
  handoffs: [],
  ...more,
});
const load = (cpuMilli: number, other = 0): Load => ({
  mean: {
    ...{ cpuMilli, residentMib: other, diskReadBps: other },
    ...{ diskWriteBps: other, netRxBps: other, netTxBps: other },
  },
  cpuNowMilli: cpuMilli,
});
const sampler = (node: Load, vm: Load | undefined = undefined) =>
  ({ node: () => ({ ...node, full: true }), vm: () => vm }) as unknown as Sampler;
const clock = { nowMs: () => 60_000, wallMs: () => 1_000_000 };
const owned = (more: object = {}, state: OwnedVm['state'] = 'running'): OwnedVm => ({
  record: {
    spec: { vm: UUID, name: 'vm0', memoryMib: 512, vcpus: 1, migration: 'postcopy' },
    ...{ epoch: 3, pinnedUntilMs: 0, backoff: { level: 0, untilMs: 0 }, ...more },
  } as OwnedVm['record'],
  vmm: undefined,
  state,
});
const made = (more: Partial<ReportInputs>, s = sampler(load(0))) => makeReport(inputs(more), 1, s, clock);

test('figures are rounded once, here: thousandths of the node’s cores, of a core for VMs', () => {
  const report = made({ vms: [owned()] }, sampler(load(1234.6), load(333.4, 10.5)));
  assert.equal([report.cpuPermille, report.vms[0]?.cpuMilli, report.vms[0]?.residentMib], [617, 333, 11]);
});

test('ages count from this node’s own clocks: a relocation, a pin, a backoff', () => {
  const vm = owned({ pinnedUntilMs: 1_005_000, backoff: { level: 2, untilMs: 1_020_000 } });
  const report = made({ vms: [vm], relocation: { id: '00000000000000aa', atMs: 55_500 } });
  assert.equal([report.sinceRelocationMs, report.relocation], [4500, '00000000000000aa']);
  assert.equal(
    [report.vms[0]?.pinnedMs, report.vms[0]?.backoffMs, report.vms[0]?.backoffLevel],
    [5000, 20_000, 2],
  );
  assert.is(made({}).sinceRelocationMs, -1);
});

test('a handoff knows more of its VM than the VMM does', () => {
  const handoff = (more: Partial<HandoffLoad>) => [
    { vm: UUID, role: 'target', inDoubt: false, ...more } as HandoffLoad,
  ];
  const state = (more: Partial<HandoffLoad>, s: OwnedVm['state'] = 'running') =>
    made({ vms: [owned({}, s)], handoffs: handoff(more) }).vms[0]?.state;
  assert.equal(
    [state({}), state({ role: 'source' }), state({ role: 'source' }, 'paused'), state({ inDoubt: true })],
    ['degraded', 'running', 'paused', 'in-doubt'],
  );
});

test('a node with a dozen addresses, more memory promised than it has, and mad counters still reports', () => {
  const strange = [Number.NaN, Number.POSITIVE_INFINITY, -5, 1e300];
  for (const figure of strange) {
    const report = made(
      {
        addresses: Array.from({ length: 12 }, (_, i) => `/ip4/198.18.0.${i}/tcp/7420`),
        memoryFreeMib: figure === -5 ? -700 : 9999,
        vms: [owned({ pinnedUntilMs: 1e18 })],
      },
      sampler(load(figure, figure), load(figure, figure)),
    );
    const read = decodeLoadReport(encodeLoadReport(report));
    assert.ok(read.ok, String(figure));
    assert.equal([read.value.addresses.length, read.value.memoryFreeMib], [8, figure === -5 ? 0 : 4096]);
  }
});

test.run();
