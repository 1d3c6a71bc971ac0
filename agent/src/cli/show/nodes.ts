/** Nodes as a table. */
import type { NodeStatus } from '../../edge/http/api.types.ts';
import { bar, duration, mebibytes, percent, rate, remaining } from '../format.ts';
import type { Style } from '../style.ts';
import { type Column, table } from '../table.ts';

const heard = (node: NodeStatus): boolean => node.state !== 'unknown';
/** A node that was never heard of has no name yet; ids differ in their last characters. */
const nameOf = (node: NodeStatus): string => node.name || `…${node.id.slice(-8)}`;

function state(node: NodeStatus, style: Style): string {
  if (node.state === 'awake' && node.power !== 'awake') return style.warn(node.power);
  if (node.state === 'awake') return node.cordoned ? style.warn('cordoned') : style.good('awake');
  // By its own word: nothing is wrong with it, unless it did not come when it was called.
  if (node.state === 'asleep')
    return ['asleep', 'waking'].includes(node.power) ? node.power : style.warn(node.power);
  return style.bad(node.state);
}

const cpu = (node: NodeStatus): string =>
  heard(node) ? `${bar(node.cpuPercent)} ${percent(node.cpuPercent).padStart(5)}` : '';
const memory = (node: NodeStatus): string =>
  heard(node) ? `${mebibytes(node.memoryMib - node.memoryFreeMib)} of ${mebibytes(node.memoryMib)}` : '';

const slept = ({ slept: { sleeps, seconds, wattHours } }: NodeStatus): string =>
  sleeps === 0 ? '' : `${sleeps} × ${duration(seconds * 1000)}${wattHours > 0 ? `, ${wattHours} Wh` : ''}`;
const lastWake = ({ lastWake: wake }: NodeStatus): string =>
  wake ? `${wake.method}, ${wake.seconds.toFixed(1)} s` : '';

/** The few columns of `shoal status`; `own` is the node that answers. */
export function nodesBriefly(nodes: readonly NodeStatus[], own: string, style: Style): string[] {
  const columns: Column<NodeStatus>[] = [
    { title: 'NODE', cell: n => (n.id === own ? style.bold(nameOf(n)) : nameOf(n)) },
    { title: 'STATE', cell: n => state(n, style) },
    { title: 'CPU', cell: cpu },
    { title: 'MEMORY', right: true, cell: memory },
    { title: 'VMS', right: true, cell: n => (heard(n) ? String(n.vms) : '') },
    { title: 'AGE', right: true, cell: n => duration(n.ageMs) },
  ];
  return table(columns, nodes, style);
}

/** All that a node says of itself. */
export function nodesInFull(nodes: readonly NodeStatus[], style: Style): string[] {
  const columns: Column<NodeStatus>[] = [
    { title: 'NODE', cell: nameOf },
    { title: 'STATE', cell: n => state(n, style) },
    { title: 'MODE', cell: n => (heard(n) ? n.mode : '') },
    { title: 'CORES', right: true, cell: n => (heard(n) ? String(n.cores) : '') },
    { title: 'CPU', right: true, cell: n => (heard(n) ? percent(n.cpuPercent) : '') },
    { title: 'NOW', right: true, cell: n => (heard(n) ? percent(n.cpuNowPercent) : '') },
    { title: 'MEMORY', right: true, cell: memory },
    { title: 'VMS', right: true, cell: n => (heard(n) ? String(n.vms) : '') },
    { title: 'NET IN', right: true, cell: n => (heard(n) ? rate(n.netRxBps) : '') },
    { title: 'NET OUT', right: true, cell: n => (heard(n) ? rate(n.netTxBps) : '') },
    { title: 'DISK IN', right: true, cell: n => (heard(n) ? rate(n.diskReadBps) : '') },
    { title: 'DISK OUT', right: true, cell: n => (heard(n) ? rate(n.diskWriteBps) : '') },
    { title: 'PAUSED', right: true, cell: n => remaining(n.pausedMs) },
    { title: 'AGE', right: true, cell: n => duration(n.ageMs) },
    { title: 'SLEPT', cell: slept },
    { title: 'LAST WAKE', cell: lastWake },
    {
      title: 'SLEEP TEST',
      cell: n => (n.sleepTest ? (n.sleepTest.passed ? 'passed' : style.bad('failed')) : ''),
    },
    { title: 'VERSION', cell: n => n.version },
    { title: 'HTTP', cell: n => n.http },
  ];
  return nodes.length ? table(columns, nodes, style) : ['No node is known.'];
}
