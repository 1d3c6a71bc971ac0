/** One handoff with all its figures. What neither its own node nor the target said is left out. */
import type { HandoffStatus } from '../../edge/http/api.types.ts';
import { FAULT_BOUNDS_US } from '../../edge/pages/types.ts';
import { bar, bytes, duration, micros, ranAt, rate, spanMs } from '../format.ts';
import { doubtOf, waitsFor } from '../progress.ts';
import type { Style } from '../style.ts';
import { type Column, table } from '../table.ts';
import { stage } from './handoffs.ts';

const BAR_CELLS = 20;

/** `plain`: bars of ASCII only. */
export function handoffAlone(handoff: HandoffStatus, style: Style, plain: boolean): string[] {
  const { name, source, target, engine, reason, detail } = handoff;
  const rows: [string, string][] = [
    ['handoff', handoff.handoff],
    ['vm', `${name}, ${source} → ${target} by ${engine}${reason && `, ${reason}`}`],
    ['stage', `${stage(handoff, style)}${detail && `: ${detail}`}`],
    ['time', timesOf(handoff)],
    ['wire', wireOf(handoff)],
    ['packed', packedOf(handoff)],
    ['pages', pagesOf(handoff)],
    ['link', linkOf(handoff)],
    ['doubt', handoff.inDoubt ? doubtOf(handoff) : ''],
    ['faults', faultsOf(handoff)],
  ];
  const shown = rows.filter(([, text]) => text !== '');
  return [
    ...shown.map(([title, text]) => `${style.dim(title.padEnd(8))}${text}`),
    ...histogram(handoff, plain),
    ...threads(handoff, style),
  ];
}

const listed = (figures: [string, string][]): string =>
  figures
    .filter(([, figure]) => figure !== '–')
    .map(figure => figure.join(' '))
    .join(', ');

function timesOf({ at, engine }: HandoffStatus): string {
  const ran = ranAt(at);
  return listed([
    ['switch', spanMs(at.migrate, ran)],
    ['blackout', spanMs(at.stopped, ran)],
    ['transfer', engine === 'precopy' ? '–' : spanMs(ran, at.transferred)],
  ]);
}

function wireOf({ wireBytes, bytes: of }: HandoffStatus): string {
  if (wireBytes < 0) return '';
  const classes = listed(Object.entries(of).map(([name, count]) => [name, bytes(count)]));
  return `${bytes(wireBytes)}: ${classes}`;
}

const packedOf = ({
  packedFromBytes: from,
  packedBytes: to,
  packedExtents: extents,
}: HandoffStatus): string =>
  extents > 0 ? `${bytes(from)} went as ${bytes(to)}, in ${extents} extents` : '';

function pagesOf(handoff: HandoffStatus): string {
  const { dataPages, residualPages, residualBytes, secondsLeft, releasedBytes } = handoff;
  if (dataPages <= 0) return '';
  const left = residualPages === 0 ? 'none' : `${residualPages} (${bytes(residualBytes)})`;
  const time = secondsLeft > 0 ? `, ${duration(secondsLeft * 1000)} to go` : '';
  const released = releasedBytes > 0 ? `, ${bytes(releasedBytes)} given back` : '';
  return `${dataPages} with data, ${left} left${time}${released}`;
}

function linkOf(handoff: HandoffStatus): string {
  const { bytesPerSecond, windowBytes, reconnects, outcome } = handoff;
  if (reconnects < 0) return '';
  const waits = waitsFor(handoff);
  const now = outcome === '' ? `${rate(bytesPerSecond)}, ` : '';
  const window = windowBytes > 0 ? `, window ${bytes(windowBytes)}` : '';
  return `${waits && `${waits}, `}${now}${reconnects} ${reconnects === 1 ? 'reconnect' : 'reconnects'}${window}`;
}

function faultsOf({ faults: { count, p50Us, p99Us, maxUs } }: HandoffStatus): string {
  if (count < 0) return '';
  return count === 0 ? '0' : `${count}: p50 ${micros(p50Us)}, p99 ${micros(p99Us)}, max ${micros(maxUs)}`;
}

/** From the first to the last bucket with something in it. */
function histogram({ faults: { buckets } }: HandoffStatus, plain: boolean): string[] {
  const most = Math.max(0, ...buckets);
  if (most === 0) return [];
  const first = buckets.findIndex(count => count > 0);
  const last = buckets.findLastIndex(count => count > 0);
  return buckets.slice(first, last + 1).map((count, i) => {
    const bound = FAULT_BOUNDS_US[first + i];
    const title = bound === undefined ? 'above' : `≤ ${micros(bound)}`;
    const cells = bar((count * 100) / most, BAR_CELLS, plain);
    return `        ${title.padStart(12)}  ${cells}  ${count}`;
  });
}

function threads({ blocked }: HandoffStatus, style: Style): string[] {
  const columns: Column<HandoffStatus['blocked'][number]>[] = [
    { title: 'THREAD', cell: row => row.thread },
    { title: 'STOOD', right: true, cell: row => micros(row.us) },
    { title: 'FAULTS', right: true, cell: row => String(row.faults) },
  ];
  return table(columns, blocked, style).map(line => `        ${line}`);
}
