/** VMs as a table. */
import type { VmStatus } from '../../edge/http/api.types.ts';
import { bar, duration, mebibytes, percent, rate, remaining } from '../format.ts';
import type { Style } from '../style.ts';
import { type Column, table } from '../table.ts';

function state(vm: VmStatus, style: Style): string {
  if (vm.stale) return style.warn(`${vm.state}?`);
  if (vm.state === 'running') return style.good(vm.state);
  return vm.state === 'crashed' ? style.bad(vm.state) : style.warn(vm.state);
}

/** Why the rule leaves it where it is. */
function rest(vm: VmStatus): string {
  const words = [
    vm.pinnedMs > 0 ? `pinned ${remaining(vm.pinnedMs)}` : '',
    vm.backoffMs > 0 ? `rests ${remaining(vm.backoffMs)}` : '',
    vm.migration === 'never' ? 'never moved' : '',
  ];
  return words.filter(Boolean).join(', ');
}

/** The few columns of `shoal status`. CPU is of one core, so a VM of two vCPUs may show 200 %. */
export function vmsBriefly(vms: readonly VmStatus[], style: Style): string[] {
  const columns: Column<VmStatus>[] = [
    { title: 'VM', cell: v => v.name },
    { title: 'NODE', cell: v => v.node },
    { title: 'STATE', cell: v => state(v, style) },
    {
      title: 'CPU',
      cell: v => `${bar(v.cpuPercent / Math.max(1, v.vcpus))} ${percent(v.cpuPercent).padStart(5)}`,
    },
    { title: 'MEMORY', right: true, cell: v => mebibytes(v.memoryMib) },
    { title: 'REST', cell: rest },
  ];
  return table(columns, vms, style);
}

export function vmsInFull(vms: readonly VmStatus[], style: Style): string[] {
  const columns: Column<VmStatus>[] = [
    { title: 'VM', cell: v => v.name },
    { title: 'NODE', cell: v => v.node },
    { title: 'STATE', cell: v => state(v, style) },
    { title: 'VCPUS', right: true, cell: v => String(v.vcpus) },
    { title: 'CPU', right: true, cell: v => percent(v.cpuPercent) },
    { title: 'NOW', right: true, cell: v => percent(v.cpuNowPercent) },
    { title: 'MEMORY', right: true, cell: v => mebibytes(v.memoryMib) },
    { title: 'RESIDENT', right: true, cell: v => mebibytes(v.residentMib) },
    { title: 'NET IN', right: true, cell: v => rate(v.netRxBps) },
    { title: 'NET OUT', right: true, cell: v => rate(v.netTxBps) },
    { title: 'DISK IN', right: true, cell: v => rate(v.diskReadBps) },
    { title: 'DISK OUT', right: true, cell: v => rate(v.diskWriteBps) },
    { title: 'MIGRATION', cell: v => v.migration },
    { title: 'REST', cell: rest },
    { title: 'AGE', right: true, cell: v => duration(v.ageMs) },
    { title: 'UUID', cell: v => v.vm },
  ];
  return vms.length ? table(columns, vms, style) : ['No VM is known.'];
}
