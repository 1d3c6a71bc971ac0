/** A line chart over time as SVG, in the style of the paper's figures: a vertical line at every switch. */
import { framed, frameOf, pathOf, row, text, tick } from './frame.ts';

export type Point = { x: number; y: number };
export type Mark = { x: number; label: string };
/** `name`: for the key, which a chart of one line has not. */
export type Line = { name: string; points: Point[] };
export type LineChart = {
  title: string;
  xLabel: string;
  yLabel: string;
  yMax: number;
  lines: Line[];
  marks: Mark[];
};

const FRAME = frameOf(336, 64, 20);
/** Told apart also without colour: each has its own dashes. The first three that a reader with any eyes can tell apart (Okabe and Ito). */
const LINES = [
  { stroke: '#1f6fb2', dash: '' },
  { stroke: '#e69f00', dash: '7 3' },
  { stroke: '#1b2a41', dash: '2 3' },
];
const KEY_STEP = 110;
const MARK = '#b3321d';
/** About so many labels fit on an axis without touching. */
const TICKS_X = 8;

export function lineChart({ yMax, lines, marks, ...labels }: LineChart): string {
  const { left, right, top, bottom } = FRAME;
  const xMax = niceCeil(Math.max(1, ...lines.flatMap(line => line.points.map(p => p.x))));
  const x = (value: number) => left + (value / xMax) * (right - left);
  const y = (value: number) => bottom - (Math.min(value, yMax) / yMax) * (bottom - top);
  const rows = ticks(yMax, 5).map(v => row(FRAME, y(v), String(v)));
  const columns = ticks(xMax, TICKS_X).map(v => tick(FRAME, x(v), String(v)));
  const drawn = lines.map(({ points }, i) => {
    const { stroke, dash } = styleOf(i);
    const path = pathOf(points.map(p => ({ x: x(p.x), y: y(p.y) })));
    return `<path d="${path}" fill="none" stroke="${stroke}" stroke-width="2" stroke-linejoin="round"${dashes(dash)}/>`;
  });
  // Labels above the frame, where no line runs; two that are near each other in two rows.
  const switches = marks.map(
    (m, i) =>
      `<line x1="${x(m.x)}" x2="${x(m.x)}" y1="${top - 4}" y2="${bottom}" stroke="${MARK}" stroke-width="1.5" stroke-dasharray="5 3"/>` +
      text(x(m.x), top - 8 - (i % 2) * 14, m.label, 'middle', MARK),
  );
  return framed(
    FRAME,
    labels,
    [...rows, ...columns],
    [...drawn, ...switches, ...(lines.length > 1 ? lines.map(key) : [])],
  );
}

const styleOf = (i: number) => LINES[i % LINES.length] ?? { stroke: '', dash: '' };
const dashes = (dash: string): string => (dash === '' ? '' : ` stroke-dasharray="${dash}"`);

/** In the line of the title, at its right end. */
function key({ name }: Line, i: number, { length }: Line[]): string {
  const { stroke, dash } = styleOf(i);
  const left = FRAME.right - (length - i) * KEY_STEP;
  return `<line x1="${left}" x2="${left + 24}" y1="20" y2="20" stroke="${stroke}" stroke-width="2"${dashes(dash)}/>${text(left + 30, 24, name, 'start')}`;
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
