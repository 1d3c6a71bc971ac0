/**
 * The command line of stock QEMU for one VM. Guest RAM is a shared file on tmpfs, which is what `x-ignore-shared` and
 * the page server stand on (design/page-server.md). `-nodefaults`, no VGA: less device state, a shorter blackout.
 */
import type { DiskSpec, NicSpec, VmSpec } from '@shoal/protocol';
import assert from '../../core/assert.ts';
import { nbdAddress } from './nbd.ts';
import { tapName } from './paths.ts';
import { ramBytes } from './ram.ts';
import type { VmPaths } from './types.ts';

export type Accel = 'kvm' | 'tcg';

export type QemuOptions = { accel: Accel; incoming: boolean };

export function qemuArgs(spec: VmSpec, paths: VmPaths, { accel, incoming }: QemuOptions): string[] {
  return [
    ...['-name', `${spec.name},debug-threads=on`, '-uuid', spec.vm],
    // A thread for each vCPU, which is TCG's default for this guest on this host (QEMU docs/devel/multi-thread-tcg):
    // under post-copy a vCPU that waits for a page must not stop the others.
    ...['-accel', accel],
    ...['-machine', machine(spec, accel)],
    ...(accel === 'kvm' ? ['-cpu', 'host'] : []),
    ...['-smp', String(spec.vcpus), '-m', `${ramBytes(spec, accel)}B`],
    // prealloc would fill the target's file before a page has come: forbidden, not only off by default.
    ...[
      '-object',
      `memory-backend-file,id=ram,size=${ramBytes(spec, accel)},mem-path=${escaped(paths.ram)},share=on,prealloc=off`,
    ],
    ...[
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
      ...(spec.machine === 'microvm' ? [] : ['-vga', 'none']),
    ],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...[
      '-qmp',
      `unix:${escaped(paths.qmp)},server=on,wait=off`,
      '-pidfile',
      paths.pidFile,
      '-msg',
      'timestamp=on',
    ],
    ...serial('console', paths.console),
    ...spec.channels.flatMap(name => serial(`ch-${name}`, paths.channel(name))),
    ...spec.disks.flatMap(disk => diskArgs(disk, spec.machine)),
    ...spec.nics.flatMap((nic, i) => nicArgs(nic, tapName(spec.vm, i), spec.machine)),
    ...boot(spec),
    ...(incoming ? ['-incoming', 'defer', '-S'] : []),
  ];
}

/**
 * QEMU's names without a version mean its own newest, and a stream of one version is refused by another: nodes could move
 * no VM to one another while their QEMUs differ. So a machine is that of the oldest QEMU that Shoal runs on, which newer
 * ones have for six years (QEMU docs/about/deprecated, versioned machines), at the price of what they gave newer machines. A
 * microvm has no versions.
 */
export const MACHINES = { pc: 'pc-i440fx-7.2', q35: 'pc-q35-7.2', microvm: 'microvm' } as const;

/**
 * HPET off: its timer would keep an idle guest's emulated clock busy. Under TCG Linux finds no clock to measure its TSC
 * by on a microvm with ACPI, and stands still (seen: QEMU 7.2, Linux 6.1); without ACPI there is no power button.
 */
function machine(spec: VmSpec, accel: Accel): string {
  if (spec.machine === 'microvm') {
    const acpi = accel === 'kvm' ? 'on' : 'off';
    return `${MACHINES.microvm},memory-backend=ram,isa-serial=on,rtc=on,pit=on,pic=on,acpi=${acpi}`;
  }
  return `${MACHINES[spec.machine]},memory-backend=ram,hpet=off,usb=off`;
}

const serial = (id: string, path: string): string[] => [
  ...['-chardev', `socket,id=${id},path=${escaped(path)},server=on,wait=off`],
  ...['-serial', `chardev:${id}`],
];

/** cache=none (cache.direct) on both nodes, or the target would read what its page cache remembers. */
function diskArgs(disk: DiskSpec, machine: VmSpec['machine']): string[] {
  const common = `read-only=${disk.readOnly ? 'on' : 'off'}`;
  const file =
    disk.kind === 'nbd'
      ? `driver=nbd,${nbd(disk.source)},node-name=f-${disk.id}`
      : `driver=file,filename=${escaped(disk.source)},locking=on,cache.direct=on,aio=threads,node-name=f-${disk.id}`;
  const device = machine === 'microvm' ? 'virtio-blk-device' : 'virtio-blk-pci';
  return [
    ...['-blockdev', `${file},${common}`],
    ...['-blockdev', `driver=${disk.format},file=f-${disk.id},node-name=b-${disk.id},${common}`],
    ...['-device', `${device},drive=b-${disk.id},id=${disk.id}`],
  ];
}

function nbd(source: string): string {
  const address = nbdAddress(source);
  assert(address, 'the spec was judged');
  const server =
    address.kind === 'unix'
      ? `server.type=unix,server.path=${escaped(address.socket)}`
      : `server.type=inet,server.host=${address.host},server.port=${address.port}`;
  return `${server},export=${escaped(address.name)}`;
}

/** Commas end an option in QEMU's syntax; doubled they stand for themselves. */
const escaped = (text: string): string => text.replaceAll(',', ',,');

const nicArgs = (nic: NicSpec, tap: string, machine: VmSpec['machine']): string[] => [
  ...['-netdev', `tap,id=n-${nic.id},ifname=${tap},script=no,downscript=no`],
  ...[
    '-device',
    `${machine === 'microvm' ? 'virtio-net-device' : 'virtio-net-pci'},netdev=n-${nic.id},id=${nic.id},mac=${nic.mac}`,
  ],
];

function boot(spec: VmSpec): string[] {
  if (!spec.kernel) return [];
  return [
    ...['-kernel', spec.kernel],
    ...(spec.initrd ? ['-initrd', spec.initrd] : []),
    ...(spec.cmdline ? ['-append', spec.cmdline] : []),
  ];
}

/** The micro guest's command line: the same VM as far as Shoal can tell, a native process of a few KiB of state. */
export function microArgs(spec: VmSpec, paths: VmPaths, incoming: boolean): string[] {
  return [
    ...['--name', spec.name, '--qmp', paths.qmp, '--ram', paths.ram, '--memory-mib', String(spec.memoryMib)],
    ...['--pidfile', paths.pidFile, '--console', paths.console],
    ...spec.channels.flatMap(name => ['--channel', `${name}=${paths.channel(name)}`]),
    ...(incoming ? ['--incoming'] : []),
  ];
}
