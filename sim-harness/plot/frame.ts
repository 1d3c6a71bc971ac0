/** What every chart has, as SVG in the style of the paper's figures: its title, two axes with their names, and text. Pure. */

export const INK = '#1b2a41';
const GRID = '#d9dee5';
const WIDTH = 720;
const TOP = 66;
const BELOW = 52;

/** Pixels from the upper left corner; what is drawn is between these. */
export type Frame = { left: number; right: number; top: number; bottom: number; height: number };

export type Labelled = { title: string; xLabel: string; yLabel: string };

/** `left`, `right`: pixels beside the axes; labels of the second axis are on the left. */
export const frameOf = (height: number, left: number, right: number): Frame => ({
  ...{ left, right: WIDTH - right, top: TOP, bottom: height - BELOW, height },
});

/** A line across at `y`, with its label. */
export const row = ({ left, right }: Frame, y: number, label: string): string =>
  `<line x1="${left}" x2="${right}" y1="${y}" y2="${y}" stroke="${GRID}"/>${text(left - 8, y + 4, label, 'end')}`;

/** A tick of the first axis at `x`, with its label. */
export const tick = ({ bottom }: Frame, x: number, label: string): string =>
  `<line x1="${x}" x2="${x}" y1="${bottom}" y2="${bottom + 5}" stroke="${INK}"/>${text(x, bottom + 20, label, 'middle')}`;

/** Joined by lines: the `d` of a path. */
export const pathOf = (points: { x: number; y: number }[]): string =>
  points.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');

/** The whole picture: `scales` (rows and ticks) are below the axes, `drawn` is above them. */
export function framed(frame: Frame, { title, xLabel, yLabel }: Labelled, scales: string[], drawn: string[]) {
  const { left, right, top, bottom, height } = frame;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="${escaped(title)}">
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${text(left, 24, title, 'start', INK, 15)}
${scales.join('\n')}
<line x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}" stroke="${INK}"/>
<line x1="${left}" x2="${left}" y1="${top}" y2="${bottom}" stroke="${INK}"/>
${drawn.join('\n')}
${text((left + right) / 2, height - 12, xLabel, 'middle')}
<g transform="translate(18 ${(top + bottom) / 2}) rotate(-90)">${text(0, 0, yLabel, 'middle')}</g>
</svg>
`;
}

export function text(x: number, y: number, what: string, anchor: string, fill = INK, size = 12): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${fill}" font-size="${size}">${escaped(what)}</text>`;
}

const escaped = (what: string): string =>
  what.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
