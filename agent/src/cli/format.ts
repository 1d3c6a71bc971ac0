/** Figures as people read them. Pure. */
import { isVcpu } from '../edge/handoff/figures.ts';

/** Ages and rests: `0.4 s`, `42 s`, `12 min`, `3 h 10 min`, `4 d`; `–` for what never was (negative). */
export function duration(ms: number): string {
  if (ms < 0) return '–';
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.round(hours / 24)} d`;
}

/** A rest that is over is not worth a word: empty for 0 and less. */
export const remaining = (ms: number): string => (ms > 0 ? duration(ms) : '');

export const mebibytes = (mib: number): string =>
  mib >= 1024 ? `${(mib / 1024).toFixed(1)} GiB` : `${mib} MiB`;

/** Decimal units, as links are sold: `734 MB`. `–` when nobody said. */
export function bytes(count: number): string {
  if (count < 0) return '–';
  const step = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = count;
  let i = 0;
  for (; value >= 999.5 && i < step.length - 1; i++) value /= 1000;
  return `${i === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${step[i]}`;
}

export const rate = (bytesPerSecond: number): string => `${bytes(bytesPerSecond)}/s`;

export const percent = (value: number): string => `${value.toFixed(0)} %`;

/** Whole ms between two marks of a handoff, `–` while one of them is not reached. */
export const spanMs = (from: number, to: number): string =>
  from < 0 || to < 0 ? '–' : `${Math.round(to - from)} ms`;

/** When the guest ran on the target: seen there, or heard of at the source. */
export const ranAt = (at: { resumed: number; run: number }): number =>
  at.resumed >= 0 ? at.resumed : at.run;

/** Microseconds: `410 µs`, `1.9 ms`, `402 ms`, `5.8 s`. */
export function micros(us: number): string {
  if (us < 0) return '–';
  if (us < 1000) return `${us} µs`;
  if (us >= 999_500) return duration(us / 1000);
  return `${(us / 1000).toFixed(us < 99_950 ? 1 : 0)} ms`;
}

/**
 * How long the vCPUs stood for pages in all, where threads are named as QEMU names them; else all threads. `–`: none did,
 * or nobody said.
 */
export function stood(blocked: readonly { thread: string; us: number }[]): [who: string, span: string] {
  const vcpus = blocked.filter(isVcpu);
  const rows = vcpus.length > 0 ? vcpus : blocked;
  const us = rows.reduce((sum, row) => sum + row.us, 0);
  return [vcpus.length > 0 ? 'vCPUs stood' : 'threads stood', us > 0 ? micros(us) : '–'];
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of `width` cells for 0 to 100 percent, an eighth of a cell fine, `coarse` whole cells; the rest is dotted. */
export function bar(value: number, width = 10, coarse = false): string {
  const share = Math.min(100, Math.max(0, value)) / 100;
  const eighths = coarse ? Math.floor(share * width) * 8 : Math.round(share * width * 8);
  const filled = '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8];
  return filled + '·'.repeat(width - filled.length);
}

/** `12:03:59` today or not: the date is shown where it is another day. Wall clock of this machine. */
export function moment(atMs: number, nowMs: number): string {
  const two = (n: number) => String(n).padStart(2, '0');
  const day = (d: Date) => `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  const at = new Date(atMs);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return day(at) === day(new Date(nowMs)) ? time : `${day(at)} ${time}`;
}

/** A name from another node must not steer this terminal: control characters are shown as what they are not. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is meant
export const plain = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd');

const PLAIN_FOR: Record<string, string> = { '→': '->', µ: 'u', '–': '-', '≤': '<=', '█': '#', '·': '.' };

/** For terminals that have nothing else, what is written here without its signs beyond ASCII. */
export const ascii = (text: string): string => text.replace(/[^ -~]/gu, sign => PLAIN_FOR[sign] ?? '?');
