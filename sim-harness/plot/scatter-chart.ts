/** Named points joined by lines, the second axis logarithmic, as SVG in the style of the line charts. Pure. */
import { framed, frameOf, INK, pathOf, row, text, tick } from './frame.ts';

/** `loose`: beside the line, not on it. */
export type ScatterPoint = { x: number; y: number; label: string; loose: boolean };
export type ScatterLine = {
  name: string;
  dashed: boolean;
  points: ScatterPoint[];
};
export type ScatterChart = {
  title: string;
  xLabel: string;
  yLabel: string;
  /** A vertical line there: right of it is where a point must stand. */
  xWanted: number;
  lines: ScatterLine[];
};

const FRAME = frameOf(400, 72, 24);
/** For lines two by two: what belongs together has one colour. */
const COLOURS = ['#1f6fb2', '#b3321d', '#3a7d34', '#7a4fa3'];
const WANTED = '#8a94a3';
/** A step of the first axis; shares of one. */
const STEP = 0.02;
/** About so many labels fit on the first axis. */
const LABELS = 8;

export function scatterChart({ xWanted, lines, ...labels }: ScatterChart): string {
  const { left, right, top, bottom } = FRAME;
  const all = lines.flatMap(line => line.points);
  const xMin = Math.max(0, Math.floor(Math.min(xWanted - STEP, ...all.map(p => p.x)) / STEP) * STEP);
  const xMax = Math.ceil(Math.max(xWanted + STEP / 2, ...all.map(p => p.x)) / STEP) * STEP;
  const low = Math.floor(Math.log10(Math.min(100, ...all.map(p => p.y))));
  const high = Math.log10(2 * Math.max(500, ...all.map(p => p.y)));
  const x = (value: number) => left + ((value - xMin) / (xMax - xMin)) * (right - left);
  const y = (value: number) => bottom - ((Math.log10(value) - low) / (high - low)) * (bottom - top);
  const rows = yTicks(low, high).map(v => row(FRAME, y(v), String(v)));
  const steps = Math.round((xMax - xMin) / STEP);
  const every = Math.ceil(steps / LABELS);
  const columns = Array.from(
    { length: Math.floor(steps / every) + 1 },
    (_, i) => xMin + i * every * STEP,
  ).map(v => tick(FRAME, x(v), v.toFixed(2)));
  const drawn = lines.map((line, i) => {
    const colour = COLOURS[Math.floor(i / 2) % COLOURS.length] ?? INK;
    const path = pathOf(line.points.filter(p => !p.loose).map(p => ({ x: x(p.x), y: y(p.y) })));
    // Above where it is dashed, below where it is not: the two lines of a colour are often near each other.
    const aside = line.dashed ? -8 : 18;
    const marks = line.points.map(
      p =>
        `<circle cx="${x(p.x).toFixed(1)}" cy="${y(p.y).toFixed(1)}" r="${p.loose ? 6 : 3.5}" fill="${line.dashed ? '#ffffff' : colour}" stroke="${colour}"/>${text(x(p.x), y(p.y) + aside, p.label, 'middle', colour)}`,
    );
    const at = left + i * 130;
    const legend = `<line x1="${at}" x2="${at + 24}" y1="44" y2="44" stroke="${colour}" stroke-width="2"${line.dashed ? ' stroke-dasharray="4 3"' : ''}/>${text(at + 30, 48, line.name, 'start', colour)}`;
    return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="1.5"${line.dashed ? ' stroke-dasharray="4 3"' : ''}/>${marks.join('')}${legend}`;
  });
  const wanted = `<line x1="${x(xWanted)}" x2="${x(xWanted)}" y1="${top}" y2="${bottom}" stroke="${WANTED}" stroke-dasharray="5 3"/>`;
  return framed(FRAME, labels, [...rows, ...columns], [wanted, drawn.join('\n')]);
}

/** 1, 2 and 5 times each power of ten between two logarithms. */
const yTicks = (low: number, high: number): number[] =>
  Array.from({ length: Math.ceil(high) - low + 1 }, (_, i) => [1, 2, 5].map(f => f * 10 ** (low + i)))
    .flat()
    .filter(v => v <= 10 ** high);
