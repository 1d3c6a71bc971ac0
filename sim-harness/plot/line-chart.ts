/** A line chart over time as SVG, in the style of the paper's figures: one series, a vertical line at every switch. */

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

const WIDTH = 720;
const HEIGHT = 336;
const PLOT = { left: 64, right: 20, top: 66, bottom: 52 };
export const INK = '#1b2a41';
const LINE = '#1f6fb2';
const MARK = '#b3321d';
export const GRID = '#d9dee5';
/** About so many labels fit on an axis without touching. */
const TICKS_X = 8;

export function lineChart({ title, xLabel, yLabel, yMax, points, marks }: LineChart): string {
  const xMax = niceCeil(Math.max(1, ...points.map(p => p.x)));
  const x = (value: number) => PLOT.left + (value / xMax) * (WIDTH - PLOT.left - PLOT.right);
  const y = (value: number) =>
    HEIGHT - PLOT.bottom - (Math.min(value, yMax) / yMax) * (HEIGHT - PLOT.top - PLOT.bottom);
  const path = points
    .map((p, i) => `${i === 0 ? 'M' : 'L'}${x(p.x).toFixed(1)} ${y(p.y).toFixed(1)}`)
    .join('');
  const bottom = y(0);
  const grid = ticks(yMax, 5).map(
    v =>
      `<line x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${y(v)}" y2="${y(v)}" stroke="${GRID}"/>` +
      text(PLOT.left - 8, y(v) + 4, String(v), 'end'),
  );
  const xTicks = ticks(xMax, TICKS_X).map(
    v =>
      `<line x1="${x(v)}" x2="${x(v)}" y1="${bottom}" y2="${bottom + 5}" stroke="${INK}"/>` +
      text(x(v), bottom + 20, String(v), 'middle'),
  );
  // Labels above the frame, where no line runs; two that are near each other in two rows.
  const lines = marks.map(
    (m, i) =>
      `<line x1="${x(m.x)}" x2="${x(m.x)}" y1="${PLOT.top - 4}" y2="${bottom}" stroke="${MARK}" stroke-width="1.5" stroke-dasharray="5 3"/>` +
      text(x(m.x), PLOT.top - 8 - (i % 2) * 14, m.label, 'middle', MARK),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="${escaped(title)}">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>
${text(PLOT.left, 24, title, 'start', INK, 15)}
${grid.join('\n')}
${xTicks.join('\n')}
<line x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${bottom}" y2="${bottom}" stroke="${INK}"/>
<line x1="${PLOT.left}" x2="${PLOT.left}" y1="${PLOT.top}" y2="${bottom}" stroke="${INK}"/>
<path d="${path}" fill="none" stroke="${LINE}" stroke-width="2" stroke-linejoin="round"/>
${lines.join('\n')}
${text((PLOT.left + WIDTH - PLOT.right) / 2, HEIGHT - 12, xLabel, 'middle')}
<g transform="translate(18 ${(PLOT.top + bottom) / 2}) rotate(-90)">${text(0, 0, yLabel, 'middle')}</g>
</svg>
`;
}

export function text(x: number, y: number, what: string, anchor: string, fill = INK, size = 12): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${fill}" font-size="${size}">${escaped(what)}</text>`;
}

export const escaped = (what: string): string =>
  what.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

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
