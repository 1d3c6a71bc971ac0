/** Handoffs as a table. A node shows the figures that it has itself or was told; the others are `–`. */
import { phaseOf } from '../../edge/handoff/figures.ts';
import type { HandoffStatus } from '../../edge/http/api.types.ts';
import { bytes, duration, micros, ranAt, rate, spanMs, stood } from '../format.ts';
import type { Style } from '../style.ts';
import { type Column, table } from '../table.ts';

export function stage(handoff: HandoffStatus, style: Style): string {
  const { outcome } = handoff;
  if (handoff.inDoubt) return style.bad(`${handoff.stage}, in doubt`);
  if (outcome === '') return phaseOf(handoff);
  return outcome === 'done' ? style.good(outcome) : style.bad(outcome);
}

/** Of those that have not ended. */
const UNDER_WAY: Column<HandoffStatus>[] = [
  { title: 'RATE', right: true, cell: h => (h.bytesPerSecond > 0 ? rate(h.bytesPerSecond) : '') },
  { title: 'TO GO', right: true, cell: h => (h.secondsLeft > 0 ? duration(h.secondsLeft * 1000) : '') },
];

export function handoffsBriefly(rows: readonly HandoffStatus[], style: Style): string[] {
  const columns: Column<HandoffStatus>[] = [
    { title: 'HANDOFF', cell: h => h.handoff.slice(0, 8) },
    { title: 'VM', cell: h => h.name },
    { title: 'FROM', cell: h => h.source },
    { title: 'TO', cell: h => h.target },
    { title: 'ENGINE', cell: h => h.engine },
    { title: 'REASON', cell: h => h.reason },
    { title: 'STAGE', cell: h => stage(h, style) },
    { title: 'PAGES LEFT', right: true, cell: h => (h.residualPages > 0 ? String(h.residualPages) : '') },
    ...UNDER_WAY,
  ];
  return table(columns, rows, style);
}

export function handoffsInFull(rows: readonly HandoffStatus[], style: Style): string[] {
  const columns: Column<HandoffStatus>[] = [
    { title: 'HANDOFF', cell: h => h.handoff.slice(0, 8) },
    { title: 'VM', cell: h => h.name },
    { title: 'FROM', cell: h => h.source },
    { title: 'TO', cell: h => h.target },
    { title: 'ENGINE', cell: h => h.engine },
    { title: 'REASON', cell: h => h.reason },
    { title: 'STAGE', cell: h => stage(h, style) },
    { title: 'LEFT', right: true, cell: h => (h.residualBytes > 0 ? bytes(h.residualBytes) : '') },
    ...UNDER_WAY,
    { title: 'SWITCH', right: true, cell: h => spanMs(h.at.migrate, ranAt(h.at)) },
    { title: 'BLACKOUT', right: true, cell: h => spanMs(h.at.stopped, ranAt(h.at)) },
    { title: 'TRANSFER', right: true, cell: h => spanMs(ranAt(h.at), h.at.transferred) },
    { title: 'WIRE', right: true, cell: h => bytes(h.wireBytes) },
    { title: 'FAULTS', right: true, cell: h => (h.faults.count < 0 ? '–' : String(h.faults.count)) },
    { title: 'FAULT P99', right: true, cell: h => micros(h.faults.p99Us) },
    { title: 'STOOD', right: true, cell: h => (h.blocked.length > 0 ? stood(h.blocked)[1] : '') },
    { title: 'RECONNECTS', right: true, cell: h => (h.reconnects > 0 ? String(h.reconnects) : '') },
    { title: 'DETAIL', cell: h => h.detail },
  ];
  return rows.length ? table(columns, rows, style) : ['This node knows no handoff.'];
}
