/** Named points joined by lines, the second axis logarithmic, as SVG in the style of the line charts. Pure. */
import { escaped, GRID, INK, text } from './line-chart.ts';

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

const WIDTH = 720;
const HEIGHT = 400;
const PLOT = { left: 72, right: 24, top: 66, bottom: 52 };
/** For lines two by two: what belongs together has one colour. */
const COLOURS = ['#1f6fb2', '#b3321d', '#3a7d34', '#7a4fa3'];
const WANTED = '#8a94a3';
/** A step of the first axis; shares of one. */
const STEP = 0.02;
/** About so many labels fit on the first axis. */
const LABELS = 8;

export function scatterChart({ title, xLabel, yLabel, xWanted, lines }: ScatterChart): string {
  const all = lines.flatMap(line => line.points);
  const xMin = Math.max(0, Math.floor(Math.min(xWanted - STEP, ...all.map(p => p.x)) / STEP) * STEP);
  const xMax = Math.ceil(Math.max(xWanted + STEP / 2, ...all.map(p => p.x)) / STEP) * STEP;
  const low = Math.floor(Math.log10(Math.min(100, ...all.map(p => p.y))));
  const high = Math.log10(2 * Math.max(500, ...all.map(p => p.y)));
  const bottom = HEIGHT - PLOT.bottom;
  const x = (value: number) =>
    PLOT.left + ((value - xMin) / (xMax - xMin)) * (WIDTH - PLOT.left - PLOT.right);
  const y = (value: number) => bottom - ((Math.log10(value) - low) / (high - low)) * (bottom - PLOT.top);
  const rows = yTicks(low, high).map(
    v =>
      `<line x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${y(v)}" y2="${y(v)}" stroke="${GRID}"/>${text(PLOT.left - 8, y(v) + 4, String(v), 'end')}`,
  );
  const steps = Math.round((xMax - xMin) / STEP);
  const every = Math.ceil(steps / LABELS);
  const columns = Array.from(
    { length: Math.floor(steps / every) + 1 },
    (_, i) => xMin + i * every * STEP,
  ).map(
    v =>
      `<line x1="${x(v)}" x2="${x(v)}" y1="${bottom}" y2="${bottom + 5}" stroke="${INK}"/>${text(x(v), bottom + 20, v.toFixed(2), 'middle')}`,
  );
  const drawn = lines.map((line, i) => {
    const colour = COLOURS[Math.floor(i / 2) % COLOURS.length] ?? INK;
    const path = line.points
      .filter(p => !p.loose)
      .map((p, at) => `${at === 0 ? 'M' : 'L'}${x(p.x).toFixed(1)} ${y(p.y).toFixed(1)}`);
    // Above where it is dashed, below where it is not: the two lines of a colour are often near each other.
    const aside = line.dashed ? -8 : 18;
    const marks = line.points.map(
      p =>
        `<circle cx="${x(p.x).toFixed(1)}" cy="${y(p.y).toFixed(1)}" r="${p.loose ? 6 : 3.5}" fill="${line.dashed ? '#ffffff' : colour}" stroke="${colour}"/>${text(x(p.x), y(p.y) + aside, p.label, 'middle', colour)}`,
    );
    const at = PLOT.left + i * 130;
    const legend = `<line x1="${at}" x2="${at + 24}" y1="44" y2="44" stroke="${colour}" stroke-width="2"${line.dashed ? ' stroke-dasharray="4 3"' : ''}/>${text(at + 30, 48, line.name, 'start', colour)}`;
    return `<path d="${path.join('')}" fill="none" stroke="${colour}" stroke-width="1.5"${line.dashed ? ' stroke-dasharray="4 3"' : ''}/>${marks.join('')}${legend}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="${escaped(title)}">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>
${text(PLOT.left, 24, title, 'start', INK, 15)}
${rows.join('\n')}
${columns.join('\n')}
<line x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${bottom}" y2="${bottom}" stroke="${INK}"/>
<line x1="${PLOT.left}" x2="${PLOT.left}" y1="${PLOT.top}" y2="${bottom}" stroke="${INK}"/>
<line x1="${x(xWanted)}" x2="${x(xWanted)}" y1="${PLOT.top}" y2="${bottom}" stroke="${WANTED}" stroke-dasharray="5 3"/>
${drawn.join('\n')}
${text((PLOT.left + WIDTH - PLOT.right) / 2, HEIGHT - 12, xLabel, 'middle')}
<g transform="translate(18 ${(PLOT.top + bottom) / 2}) rotate(-90)">${text(0, 0, yLabel, 'middle')}</g>
</svg>
`;
}

/** 1, 2 and 5 times each power of ten between two logarithms. */
const yTicks = (low: number, high: number): number[] =>
  Array.from({ length: Math.ceil(high) - low + 1 }, (_, i) => [1, 2, 5].map(f => f * 10 ** (low + i)))
    .flat()
    .filter(v => v <= 10 ** high);
