/** The demo as it runs, in the terminal: bars per node and VM, decisions as they fall. */
import type { Sample } from './report.ts';

const BAR = 30;
/** Decisions shown; older ones scroll off. */
const LINES = 8;

const bar = (percent: number): string => {
  const full = Math.round((Math.min(100, Math.max(0, percent)) / 100) * BAR);
  return '█'.repeat(full) + '░'.repeat(BAR - full);
};

/** Pure: the whole picture as lines. */
export function picture(sample: Sample, wantedPercent: number, totalMs: number, news: string[]): string[] {
  const seconds = (ms: number) => Math.round(ms / 1000);
  const row = (name: string, percent: number) =>
    `  ${name.padEnd(7)} ${bar(percent)} ${percent.toFixed(0).padStart(3)} %`;
  const lines = [
    `Shoal demo  ${seconds(sample.atMs)} / ${seconds(totalMs)} s    vm0 wants 20 %, vm1 wants ${wantedPercent} %`,
    '',
  ];
  for (const [node, percent] of Object.entries(sample.nodes)) {
    lines.push(row(node, percent));
    for (const [vm, on] of Object.entries(sample.on))
      if (on === node) lines.push(row(`  ${vm}`, sample.vms[vm] ?? 0));
  }
  return [...lines, '', ...news.slice(-LINES)];
}

/** Draws over the last picture on a terminal; elsewhere only what is new, a line each. */
export class Live {
  readonly #terminal: boolean;
  readonly #out: NodeJS.WriteStream;
  #drawn = 0;
  #news: string[] = [];

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
    this.#terminal = out.isTTY === true;
  }

  tell(line: string): void {
    this.#news.push(line);
    if (!this.#terminal) this.#out.write(`${line}\n`);
  }

  draw(sample: Sample, wantedPercent: number, totalMs: number): void {
    if (!this.#terminal) return;
    const lines = picture(sample, wantedPercent, totalMs, this.#news);
    this.#out.write(`${this.#drawn ? `\x1b[${this.#drawn}F` : ''}\x1b[J${lines.join('\n')}\n`);
    this.#drawn = lines.length;
  }
}
