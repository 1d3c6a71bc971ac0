import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { qemuArgs } from './qemu-args.ts';
import { parseVmSpec } from './spec.ts';
import type { VmPaths } from './types.ts';

const UUID = '00000000-0000-4000-8000-000000000001';
const paths = {
  ...{ ram: '/dev/shm/x.ram', qmp: '/run/q', pidFile: '/run/p', console: '/run/c' },
  channel: (name: string) => `/run/${name}`,
} as VmPaths;

test('no VM has a balloon, a device that reaches its memory past the VMM, or memory that is filled or locked beforehand', () => {
  const disks = [{ path: '/a' }, { nbd: 'nbd://host/b' }];
  // A VM that is started here has the command line with which it will be a source.
  for (const machine of ['pc', 'q35', 'microvm'])
    for (const accel of ['kvm', 'tcg'] as const)
      for (const incoming of [true, false]) {
        const wish = { name: 'web1', memory: '512MiB', machine, disks, nics: [{ bridge: 'br0' }] };
        const line = qemuArgs(parseVmSpec(wish, UUID), paths, { accel, incoming }).join(' ');
        assert.match(line, '-nodefaults');
        assert.match(line, 'share=on,prealloc=off');
        assert.not.match(line, /balloon|free-page|virtio-mem|vhost|vfio|prealloc=on|mem-prealloc|mem-lock/);
      }
});

test('a machine has one version whatever the QEMU, so that nodes with different ones can move it to one another', () => {
  const machineOf = (machine: string) => {
    const args = qemuArgs(parseVmSpec({ name: 'web1', memory: '512MiB', machine }, UUID), paths, {
      accel: 'kvm',
      incoming: false,
    });
    return args[args.indexOf('-machine') + 1]?.split(',')[0];
  };
  assert.equal(['pc', 'q35', 'microvm'].map(machineOf), ['pc-i440fx-7.2', 'pc-q35-7.2', 'microvm']);
});

test.run();
