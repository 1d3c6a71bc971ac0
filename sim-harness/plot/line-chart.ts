/** A line chart over time as SVG, in the style of the paper's figures: one series, a vertical line at every switch. */
import { framed, frameOf, pathOf, row, text, tick } from './frame.ts';

export type Point = { x: number; y: number };
export type Mark = { x: number; label: string };
export type LineChart = {
  title: string;
  xLabel: string;
  yLabel: string;
  yMax: number;
  points: Point[];
  marks: Mark[];
};

const FRAME = frameOf(336, 64, 20);
const LINE = '#1f6fb2';
const MARK = '#b3321d';
/** About so many labels fit on an axis without touching. */
const TICKS_X = 8;

export function lineChart({ yMax, points, marks, ...labels }: LineChart): string {
  const { left, right, top, bottom } = FRAME;
  const xMax = niceCeil(Math.max(1, ...points.map(p => p.x)));
  const x = (value: number) => left + (value / xMax) * (right - left);
  const y = (value: number) => bottom - (Math.min(value, yMax) / yMax) * (bottom - top);
  const rows = ticks(yMax, 5).map(v => row(FRAME, y(v), String(v)));
  const columns = ticks(xMax, TICKS_X).map(v => tick(FRAME, x(v), String(v)));
  const path = pathOf(points.map(p => ({ x: x(p.x), y: y(p.y) })));
  // Labels above the frame, where no line runs; two that are near each other in two rows.
  const lines = marks.map(
    (m, i) =>
      `<line x1="${x(m.x)}" x2="${x(m.x)}" y1="${top - 4}" y2="${bottom}" stroke="${MARK}" stroke-width="1.5" stroke-dasharray="5 3"/>` +
      text(x(m.x), top - 8 - (i % 2) * 14, m.label, 'middle', MARK),
  );
  return framed(
    FRAME,
    labels,
    [...rows, ...columns],
    [
      `<path d="${path}" fill="none" stroke="${LINE}" stroke-width="2" stroke-linejoin="round"/>`,
      lines.join('\n'),
    ],
  );
}

/** Steps of 1, 2 or 5 times a power of ten, about `count` of them. */
function ticks(max: number, count: number): number[] {
  const step = niceStep(max / count);
  return Array.from({ length: Math.floor(max / step) + 1 }, (_, i) => Number((i * step).toFixed(6)));
}

function niceStep(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(raw));
  const factor = [1, 2, 5, 10].find(f => f * power >= raw) ?? 10;
  return factor * power;
}

const niceCeil = (value: number): number => {
  const step = niceStep(value / TICKS_X);
  return Math.ceil(value / step) * step;
};
