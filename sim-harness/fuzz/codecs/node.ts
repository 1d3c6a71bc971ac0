/** What a node reads beside messages: its configuration, specs, disk images, addresses, and what becomes of a report. */
import { parseConfig } from '@shoal/agent/config/config';
import { ConfigError } from '@shoal/agent/config/faults';
import { ClusterView } from '@shoal/agent/core/view';
import { yamlBody } from '@shoal/agent/edge/http/body';
import { parseAddress } from '@shoal/agent/edge/mesh/dialer';
import { nbdAddress } from '@shoal/agent/edge/vmm/nbd';
import { HEADER_BYTES, qcow2HeaderFault } from '@shoal/agent/edge/vmm/qcow2';
import { qemuArgs } from '@shoal/agent/edge/vmm/qemu-args';
import { parseVmSpec } from '@shoal/agent/edge/vmm/spec';
import { ShoalError } from '@shoal/agent/errors';
import { decide, isOverloaded, judge, THRESHOLD_DEFAULTS } from '@shoal/policies';
import { Bad, decodeLoadReport, type LoadReport, type VmSpec, vmSpec } from '@shoal/protocol';
import { stringify } from 'yaml';
import { Broken, type Codec } from '../codec.ts';
import { read, write } from '../forms.ts';
import type { Tree } from '../mutate.ts';
import { refused, taken, vectors } from './protocol.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
const ours =
  (...codes: string[]) =>
  (error: unknown): boolean =>
    error instanceof ShoalError && codes.includes(error.code) && error.message.length > 0;

const PEER = '12D3KooWLR7DXwL6mXJgTpH8wBMUVUvTzHAAGXsGVjBFQSnVxnkT';
const CONFIG = {
  node: { name: 'a', stateDir: '/var/lib/shoal', runDir: '/run/shoal' },
  mode: 'auto',
  mesh: {
    listen: ['/ip4/0.0.0.0/tcp/7420'],
    peers: [{ id: PEER, addresses: ['/ip4/198.18.0.2/tcp/7420'] }],
    reportIntervalMs: 1000,
    staleAfterMs: 3000,
  },
  http: { listen: '0.0.0.0:7421' },
  memory: { ramDir: '/dev/shm/shoal', guestMemoryMib: 1024 },
  policy: { overloadPercent: 90, idlePercent: 30 },
};

const config: Codec = {
  name: 'config',
  weight: 1,
  form: 'yaml',
  seeds: [
    write('yaml', CONFIG),
    Buffer.from('mode: observe\nhttp:\npolicy: &p {holdSeconds: 5}\n'),
    Buffer.from('a: &a [1]\nb: &b [*a, *a]\nc: &c [*b, *b]\n---\n{}'),
  ],
  decode: bytes => parseConfig(text(bytes), 'shoal.yaml'),
  refuses: error => error instanceof ConfigError && error.faults.length > 0,
  encode: value => Buffer.from(stringify(value)),
};

const SPEC = {
  name: 'web-1',
  memory: '512MiB',
  vcpus: 2,
  machine: 'q35',
  boot: { kernel: '/srv/vmlinuz', initrd: '/srv/initrd', cmdline: 'console=ttyS0' },
  disks: [{ id: 'root', path: '/srv/root.qcow2', format: 'qcow2' }, { nbd: 'nbd://198.18.0.9:10809/data' }],
  nics: [{ bridge: 'br0', mac: '52:54:00:12:34:56' }],
  channels: ['agent'],
  labels: { tier: 'web' },
};
const UUID = '6f1c3a52-0d7e-4b8a-9a53-2f4e8c1d7b90';

/** As `POST /v1/vms` and `shoal run` read it. */
const spec: Codec = {
  name: 'vm-spec',
  weight: 6,
  form: 'yaml',
  seeds: [
    write('yaml', SPEC),
    write('json', SPEC),
    Buffer.from('name: a\nmemory: 1GiB\ndisks: [{path: /x}]\n'),
  ],
  decode: bytes => parseVmSpec(yamlBody(text(bytes), 'SHOAL_HTTP_BODY', 'POST /v1/vms'), UUID),
  refuses: ours('SHOAL_HTTP_BODY', 'SHOAL_VM_SPEC'),
};

const wireSpec = vmSpec.write(parseVmSpec(SPEC, UUID)) as Tree;
const PATHS = {
  dir: '/run/shoal/vms/x',
  process: '/run/shoal/vms/x.pid',
  qmp: '/run/shoal/vms/x/qmp',
  pidFile: '/run/shoal/vms/x/pid',
  log: '/run/shoal/vms/x/log',
  console: '/run/shoal/vms/x/console',
  channel: (name: string) => `/run/shoal/vms/x/${name}`,
  ram: '/dev/shm/shoal/x',
};
/** Whatever a spec says, these are the only options of a disk that QEMU is told. */
const DISK_OPTIONS = new Set([
  ...['driver', 'filename', 'locking', 'cache.direct', 'aio', 'node-name', 'read-only', 'file'],
  ...['server.type', 'server.path', 'server.host', 'server.port', 'export'],
]);

/** The spec in an offer: no text in it may become an option of QEMU's that Shoal did not mean. */
const offered: Codec = {
  name: 'offered-spec',
  weight: 6,
  form: 'msgpack',
  seeds: [write('msgpack', wireSpec)],
  decode(bytes) {
    const wanted = vmSpec.read(treeOf(bytes), 'spec');
    if (wanted.disks.some(d => d.kind === 'nbd' && !nbdAddress(d.source))) throw new Bad('form', '', 'NBD');
    const args = qemuArgs(wanted, PATHS, { accel: 'tcg', incoming: true });
    args.forEach((arg, i) => {
      if (args[i - 1] !== '-blockdev') return;
      for (const option of arg.split(/(?<!,)(?:,,)*,(?!,)/).map(o => o.split('=')[0] ?? ''))
        if (!DISK_OPTIONS.has(option)) throw new Broken(`QEMU would be told ${option} in ${arg}`);
    });
    return wanted;
  },
  refuses: error => error instanceof Bad || refusedTree(error),
  encode: value => write('msgpack', vmSpec.write(value as VmSpec) as Tree),
};

class NoTree extends Error {}
const refusedTree = (error: unknown): boolean => error instanceof NoTree;
/** Bytes that msgpackr itself cannot read say nothing about the spec: `scan` keeps them from it in an agent. */
function treeOf(bytes: Uint8Array): Tree {
  try {
    return read('msgpack', bytes);
  } catch {
    throw new NoTree();
  }
}

const nbd: Codec = {
  name: 'nbd-address',
  weight: 6,
  seeds: [
    'nbd://198.18.0.9:10809/data',
    'nbd+unix:///x?socket=/run/nbd.sock',
    'nbd://[::1]/a%2c,b',
    'nbd://u:p@h/x#y',
  ].map(address => Buffer.from(address)),
  decode(bytes) {
    const address = nbdAddress(text(bytes));
    if (address?.kind === 'tcp' && (address.host.includes(',') || !(address.port <= 65_535)))
      throw new Broken(`host ${address.host}, port ${address.port}`);
    return address;
  },
  refuses: () => false,
};

const qcow2: Codec = {
  name: 'qcow2-header',
  weight: 4,
  seeds: [
    Buffer.concat([Buffer.from('514649fb00000003', 'hex'), Buffer.alloc(HEADER_BYTES - 8)]),
    Buffer.concat([Buffer.from('514649fb000000020000000000000200', 'hex'), Buffer.alloc(56)]),
  ],
  decode: bytes => qcow2HeaderFault(Buffer.from(bytes)),
  refuses: () => false,
};

const addresses: Codec = {
  name: 'mesh-address',
  weight: 4,
  seeds: [
    '/ip4/198.18.0.2/tcp/7420',
    `/ip6/::1/tcp/7420/p2p/${PEER}`,
    '/dns4/a.example/tcp/1/ws',
    '/unix/%2fx',
  ].map(address => Buffer.from(address)),
  decode: bytes => parseAddress(text(bytes), PEER).toString(),
  refuses: ours('SHOAL_MESH_ADDRESS'),
  encode: value => Buffer.from(value as string),
};

/** Two honest nodes and the author of whatever came: the view stands, the rule decides, its plan is sound. */
const view: Codec = {
  name: 'view-and-rule',
  weight: 4,
  form: 'msgpack',
  seeds: vectors('load-report'),
  decode(bytes) {
    const report = taken(decodeLoadReport(bytes));
    const seen = new ClusterView({
      self: 'self',
      staleAfterMs: 3000,
      overloaded: r => isOverloaded(r, THRESHOLD_DEFAULTS),
    });
    const honest = honestReport();
    seen.merge({ ...honest, node: 'self', name: 'self' }, 0);
    seen.merge({ ...honest, node: 'other', name: 'other', cpuPermille: 950 }, 0);
    seen.merge(report, 0);
    const cluster = seen.view(500);
    const { moves, refusals } = decide(cluster, THRESHOLD_DEFAULTS);
    const unsound = judge(cluster, THRESHOLD_DEFAULTS, moves);
    if (unsound[0]) throw new Broken(`the rule broke ${unsound[0].code}: ${unsound[0].sentence}`);
    if ([...moves, ...refusals].some(row => row.sentence === ''))
      throw new Broken('a row without a sentence');
    return undefined;
  },
  refuses: refused,
};

function honestReport(): LoadReport {
  const [first] = vectors('load-report');
  return taken(decodeLoadReport(first ?? new Uint8Array()));
}

export const NODE_CODECS: readonly Codec[] = [config, spec, offered, nbd, qcow2, addresses, view];
