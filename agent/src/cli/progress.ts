/** One line of progress of a handoff, made to fit. Pure. */
import { phaseOf } from '../edge/handoff/figures.ts';
import type { HandoffStatus } from '../edge/http/api.types.ts';
import { ascii, bar, bytes, duration, micros, percent, rate } from './format.ts';

/** What it is written on: `columns` of a terminal, all there are where nothing has to fit. */
export type Paper = { columns: number; plain: boolean };

const BAR_CELLS = 12;

/** A part of the line: of too many, bars go first, then those of the highest rank. */
type Part = { rank: number; text: string; wide?: string };
const RANKS = 7;

/** `vm1 node0 → node1: transferring, █████████▍·· 78 %, 161 MB left, 110 MB/s, fault p99 1.9 ms, ETA 4.0 s` */
export function progressLine(handoff: HandoffStatus, { columns, plain }: Paper): string {
  const { name, source, target } = handoff;
  const head = `${name} ${source} → ${target}: ${phaseOf(handoff)}`;
  const parts = [...partsOf(handoff, plain)];
  const tries = [parts.map(part => part.wide ?? part.text)];
  for (let ranks = RANKS; ranks >= 0; ranks--)
    tries.push(parts.filter(part => part.rank < ranks).map(part => part.text));
  const lines = tries.map(texts => {
    const line = [head, ...texts].join(', ');
    return [...(plain ? ascii(line) : line)];
  });
  const fitting =
    lines.find(cells => cells.length <= columns) ?? lines.at(-1)?.slice(0, Math.max(0, columns));
  return fitting?.join('') ?? '';
}

function* partsOf(handoff: HandoffStatus, plain: boolean): Generator<Part> {
  const { bytesPerSecond, residualBytes, secondsLeft, reconnects, faults, bytes: of } = handoff;
  const waits = waitsFor(handoff);
  if (handoff.inDoubt) yield { rank: 0, text: doubtOf(handoff) };
  const there = thereOf(handoff);
  if (waits) yield { rank: 1, text: waits };
  if (there >= 0) {
    const share = percent(Math.floor(there));
    yield { rank: 0, text: share, wide: `${bar(there, BAR_CELLS, plain)} ${share}` };
  }
  if (residualBytes > 0) yield { rank: 6, text: `${bytes(residualBytes)} left` };
  // Under engines that put memory into the stream nobody knows here how much there is.
  else if (there < 0 && of.state > 0) yield { rank: 6, text: `${bytes(of.state)} sent` };
  if (bytesPerSecond >= 0 && !waits) yield { rank: 3, text: rate(bytesPerSecond) };
  if (faults.count > 0) yield { rank: 4, text: `fault p99 ${micros(faults.p99Us)}` };
  if (reconnects > 0)
    yield { rank: 5, text: `${reconnects} ${reconnects === 1 ? 'reconnect' : 'reconnects'}` };
  if (secondsLeft > 0 && !waits) yield { rank: 2, text: `ETA ${duration(secondsLeft * 1000)}` };
}

/** Of its pages with data, percent; -1 while nobody knows. */
const thereOf = ({ dataPages, residualPages }: HandoffStatus): number =>
  dataPages > 0 ? ((dataPages - residualPages) * 100) / dataPages : -1;

/** A link that is silent is not known to be lost for some seconds; people should not wonder meanwhile. */
const SILENCE_SHOWN_MS = 1000;

/** It may stand like that for ever: what ends it is an operator's word, given where the handoff is known. */
export const doubtOf = ({ name, role, source, target }: HandoffStatus): string =>
  `in doubt, see \`shoal resolve ${name}\` on ${role === 'target' ? target : source}`;

/** Why nothing comes, and for how long; empty while it does. */
export function waitsFor({ linkLostMs, silentMs }: HandoffStatus): string {
  const seconds = (ms: number) => `waiting ${Math.floor(ms / 1000)} s`;
  if (linkLostMs >= 0) return `link lost, ${seconds(linkLostMs)}`;
  return silentMs >= SILENCE_SHOWN_MS ? `nothing comes, ${seconds(silentMs)}` : '';
}
