import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ShoalError } from '../../errors.ts';
import { parseVmSpec } from './spec.ts';

const UUID = '00000000-0000-4000-8000-000000000001';
const parse = (more: object) => parseVmSpec({ name: 'web1', memory: '512MiB', ...more }, UUID);
const faults = (value: unknown): string => {
  try {
    parseVmSpec(value, UUID);
    return '';
  } catch (error) {
    assert.is((error as ShoalError).code, 'SHOAL_VM_SPEC');
    return (error as ShoalError).message;
  }
};

test('a spec of two lines has a default for all the rest', () => {
  const spec = parse({});
  assert.equal([spec.memoryMib, spec.vcpus, spec.machine, spec.driver], [512, 1, 'pc', 'qemu']);
  assert.equal([spec.migration, spec.crash, spec.labels], ['postcopy', 'restart', {}]);
  assert.is(parse({ memory: '2 GiB' }).memoryMib, 2048);
});

test('disks and cards that are not named are numbered; a card has the same address for the life of its VM', () => {
  const disks = [{ path: '/a' }, { nbd: 'nbd://host/b', format: 'qcow2', readOnly: true }];
  const spec = parse({ disks, nics: [{ bridge: 'br0' }, { bridge: 'br0' }] });
  assert.equal(
    spec.disks.map(d => [d.id, d.kind, d.source, d.format, d.readOnly]),
    [
      ['disk0', 'file', '/a', 'raw', false],
      ['disk1', 'nbd', 'nbd://host/b', 'qcow2', true],
    ],
  );
  assert.equal(spec.nics, parse({ disks, nics: [{ bridge: 'br0' }, { bridge: 'br0' }] }).nics);
  assert.is.not(spec.nics[0]?.mac, spec.nics[1]?.mac);
  // Locally administered, and of one station.
  for (const { mac } of spec.nics) assert.is(Number.parseInt(mac.slice(0, 2), 16) & 3, 2);
});

const BAD: [string, unknown, RegExp][] = [
  ['nothing', null, /the spec must be object/],
  ['a list', [], /the spec must be object/],
  ['no name', { memory: '1GiB' }, /the spec lacks name/],
  ['a name with a comma', { name: 'a,id=x', memory: '1GiB' }, /name is not of letters/],
  ['a name with a line break', { name: 'a\nb', memory: '1GiB' }, /name is not of letters/],
  ['memory as a number', { name: 'a', memory: 512 }, /memory is not a size such as 512MiB/],
  ['memory without a unit', { name: 'a', memory: '512' }, /memory is not a size such as 512MiB/],
  ['no memory to speak of', { name: 'a', memory: '1MiB' }, /memory is 16MiB at least/],
  ['more memory than there is', { name: 'a', memory: '99999999999999999999GiB' }, /memoryMib is/],
  ['vCPUs in words', { name: 'a', memory: '1GiB', vcpus: 'two' }, /vcpus must be integer/],
  ['a machine that is none', { name: 'a', memory: '1GiB', machine: 'isapc' }, /machine is none of pc, q35/],
  ['an unknown key', { name: 'a', memory: '1GiB', kernel: '/k' }, /the spec has an unknown key kernel/],
  [
    'a command line of two lines',
    parseable({ boot: { kernel: '/k', cmdline: 'a\nb' } }),
    /cmdline has control/,
  ],
  ['a disk path of two lines', parseable({ disks: [{ path: '/a\nb' }] }), /disks\[0\]\.source has control/],
  ['a label of two lines', parseable({ labels: { tier: 'a\u001bb' } }), /labels.* has control/],
  [
    'a disk id with a comma',
    parseable({ disks: [{ id: 'a,b', path: '/a' }] }),
    /disks\.0\.id is not of small/,
  ],
  [
    'a disk of two sources',
    parseable({ disks: [{ path: '/a', nbd: 'nbd://h/e' }] }),
    /disks\.0 wants either/,
  ],
  ['a disk of none', parseable({ disks: [{ id: 'a' }] }), /disks\.0 wants either/],
  ['a group address', parseable({ nics: [{ bridge: 'br0', mac: '01:00:5e:00:00:01' }] }), /no group address/],
  ['a bridge with a comma', parseable({ nics: [{ bridge: 'br0,x=y' }] }), /nics\.0\.bridge is not the name/],
];
function parseable(more: object): object {
  return { name: 'a', memory: '1GiB', ...more };
}
for (const [what, value, words] of BAD) {
  test(`a spec with ${what} is refused, by the name of what is wrong`, () =>
    assert.match(faults(value), words));
}

test('all faults of a spec are told at once, each once', () => {
  const told = faults({ name: '-', memory: 'lots', colour: 'blue', disks: [{ id: 'A', path: '/a' }] });
  assert.is(told.split('; ').length, 4, told);
});

test.run();
