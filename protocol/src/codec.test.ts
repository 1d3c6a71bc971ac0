import { readFileSync } from 'node:fs';
import { Packr } from 'msgpackr';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeHandoff, decodeLoadReport, encodeHandoff, encodeLoadReport } from './codec.ts';
import * as limit from './limits.ts';
import type { HandoffLoad, LoadReport, VmLoad } from './messages/load-report.ts';
import type { HandoffMessage } from './registry.ts';

const golden = <T>(name: string, i = 0): T =>
  JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8')).good[i].value as T;
const report = golden<LoadReport>('load-report');
const uuid = (n: number) => `${n.toString(16).padStart(8, '0')}-0d7e-4b8a-9a53-2f4e8c1d7b90`;

/** As large as real figures get: names of full length, rates above 2^32, eight addresses. */
function large(vms: number, handoffs: number): LoadReport {
  const busy = { diskReadBps: 9e9, diskWriteBps: 9e9, netRxBps: 9e9, netTxBps: 9e9 };
  const vm: VmLoad = {
    ...(report.vms[0] as VmLoad),
    ...busy,
    name: 'n'.repeat(limit.NAME_BYTES_MAX),
    state: 'in-doubt',
    epoch: 100_000,
    cpuMilli: 256_000,
    cpuNowMilli: 256_000,
    memoryMib: 4_000_000,
    residentMib: 4_000_000,
    vcpus: 256,
    pinnedMs: 10 ** 9,
    backoffMs: 10 ** 9,
  };
  const handoff: HandoffLoad = {
    ...(report.handoffs[0] as HandoffLoad),
    stage: 'transferring',
    ageMs: 10 ** 9,
  };
  return {
    ...report,
    ...busy,
    name: 'n'.repeat(limit.NAME_BYTES_MAX),
    addresses: Array.from(
      { length: limit.ADDRESSES_MAX },
      () => `/ip6/2001:db8::1/tcp/7420/p2p/${report.node}`,
    ),
    seq: 10 ** 9,
    vms: Array.from({ length: vms }, (_, i) => ({ ...vm, vm: uuid(i) })),
    handoffs: Array.from({ length: handoffs }, (_, i) => ({ ...handoff, handoff: uuid(i) })),
  };
}

test('a node with 64 VMs of the longest names and 16 handoffs still fits its report into 16 KiB', () => {
  const bytes = encodeLoadReport(large(limit.VMS_MAX, 16));
  assert.ok(bytes.length <= limit.REPORT_BYTES_MAX, `${bytes.length} bytes`);
  const decoded = decodeLoadReport(bytes);
  assert.ok(decoded.ok && decoded.value.vms.length === limit.VMS_MAX);
});

test('a report above its size is refused by the sender and, unread, by the receiver', () => {
  assert.throws(() => encodeLoadReport(large(64, 64)), /more than 16384/);
  const decoded = decodeLoadReport(new Uint8Array(limit.REPORT_BYTES_MAX + 1));
  assert.ok(!decoded.ok && decoded.fault.code === 'size');
  const handoff = decodeHandoff(new Uint8Array(limit.HANDOFF_BYTES_MAX + 1));
  assert.ok(!handoff.ok && handoff.fault.code === 'size');
});

test('a bad report of our own is found before it leaves, with the field at fault', () => {
  assert.throws(() => encodeLoadReport({ ...report, cpuPermille: 0.5 }), /cpuPermille is not an integer/);
  assert.throws(() => encodeLoadReport({ ...report, memoryFreeMib: 9000 }), /memoryFreeMib is more/);
  const run = golden<HandoffMessage>('run');
  assert.throws(() => encodeHandoff({ ...run, epoch: -1 } as HandoffMessage), /epoch is -1/);
  assert.throws(() => encodeHandoff({ ...run, type: 'hello' } as unknown as HandoffMessage), /hello/);
});

test('what a decoder answers is a copy that shares nothing with its input, keys that are not ours are gone', () => {
  const bytes = encodeLoadReport({ ...report, extra: 1 } as LoadReport);
  const decoded = decodeLoadReport(bytes);
  assert.equal(decoded, { ok: true, value: report });
  bytes.fill(0);
  assert.equal(decoded, { ok: true, value: report });
});

test('fields that a newer peer appends are passed over', () => {
  const pair = new Packr({ useRecords: false }).unpack(encodeLoadReport(report)) as [number, unknown[]];
  pair[1].push('a field of tomorrow', ['and', ['another', 7]]);
  const bytes = new Packr({ useRecords: false }).pack(pair);
  assert.equal(decodeLoadReport(bytes), { ok: true, value: report });
});

test('a report of an older peer, who knows of no election, is read as not elected', () => {
  const pair = new Packr({ useRecords: false }).unpack(encodeLoadReport({ ...report, elected: true }));
  const [number, fields] = pair as [number, unknown[]];
  const older = new Packr({ useRecords: false }).pack([number, fields.slice(0, -1)]);
  assert.equal(decodeLoadReport(older), { ok: true, value: { ...report, elected: false } });
});

test('a second message does not disturb the bytes of the first', () => {
  const first = encodeLoadReport(report);
  const before = Buffer.from(first).toString('hex');
  encodeHandoff(golden<HandoffMessage>('offer'));
  assert.is(Buffer.from(first).toString('hex'), before);
});

test('two kilobytes of back-references, which would unfold to billions of entries, are refused at once', () => {
  const out = [0x92, 1, 0x97];
  const ext = (type: number, id: number) => [0xd6, type, 0, 0, 0, id];
  for (let level = 0; level < 7; level++) {
    out.push(...ext(0x69, level), 0xdc, 0, 48);
    for (let i = 0; i < 48; i++) out.push(...(level === 0 ? [1] : ext(0x70, level - 1)));
  }
  const decoded = decodeLoadReport(Uint8Array.from(out));
  assert.ok(!decoded.ok && decoded.fault.code === 'encoding');
});

test.run();
