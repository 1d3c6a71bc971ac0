/** `migrate --wait`: follows one handoff to its end, a line of progress on the way. */
import { phaseOf } from '../edge/handoff/figures.ts';
import type { HandoffStatus } from '../edge/http/api.types.ts';
import { ShoalError } from '../errors.ts';
import type { Answer } from './client.ts';
import { ascii, bytes, duration, micros, ranAt, rate, spanMs, stood } from './format.ts';
import { progressLine, waitsFor } from './progress.ts';
import type { Shell } from './shell.ts';
import { TargetSide } from './target-side.ts';

/** As often as a page server says how far it is; the agent answers from memory. */
const LOOK_EVERY_MS = 250;
/** Where a line cannot be written over, a log should stay short. */
const LINE_EVERY_MS = 5000;
/** An agent that is restarted in the middle takes its handoffs up again: that long is waited for it. */
const AGENT_GONE_MS = 30_000;

/**
 * Resolves when the VM has moved and all pages are there: `text` as the agent answered, `value` with what the target said
 * besides. Rejects with SHOAL_CLI_NOT_MOVED or SHOAL_CLI_WAIT (`timeoutMs` over; 0 = no limit).
 */
export async function follow(shell: Shell, id: string, timeoutMs: number): Promise<Answer<HandoffStatus>> {
  const startMs = shell.now();
  const progress = new Progress(shell);
  const target = new TargetSide(shell, id);
  for (;;) {
    const answer = await look(shell, id);
    const { value } = answer;
    if (value.outcome !== '') {
      progress.end();
      if (value.outcome === 'done') return { ...answer, value: await target.last(value) };
      const why = `it did not move (${value.outcome})${value.detail ? `: ${value.detail}` : ''}`;
      throw new ShoalError(
        'SHOAL_CLI_NOT_MOVED',
        why,
        value.name,
        `It is on ${value.source} still; see \`shoal handoffs\``,
      );
    }
    progress.show(target.over(value));
    if (timeoutMs > 0 && shell.now() - startMs >= timeoutMs) {
      progress.end();
      const what = `the handoff has not ended after ${duration(timeoutMs)}; it goes on`;
      throw new ShoalError(
        'SHOAL_CLI_WAIT',
        what,
        `${value.name}, stage ${value.stage}`,
        'See `shoal handoffs`',
      );
    }
    await shell.sleep(LOOK_EVERY_MS);
  }
}

/** One look; a restart of the agent is sat out. */
async function look(shell: Shell, id: string): Promise<Answer<HandoffStatus>> {
  const untilMs = shell.now() + AGENT_GONE_MS;
  for (;;) {
    try {
      return await shell.client.get<HandoffStatus>(`/v1/handoffs/${id}`, 'object');
    } catch (error) {
      const gone = error instanceof ShoalError && error.code === 'SHOAL_CLI_UNREACHABLE';
      if (!gone || shell.now() >= untilMs) throw error;
    }
    await shell.sleep(LOOK_EVERY_MS);
  }
}

class Progress {
  readonly #shell: Shell;
  #shown = { atMs: 0, phase: '' };
  /** Cells of the line that stands there now. */
  #open = 0;

  constructor(shell: Shell) {
    this.#shell = shell;
  }

  show(handoff: HandoffStatus): void {
    const { live, plain, note, now, columns } = this.#shell;
    // A line that fills the last column would begin another one.
    if (live) return this.#over(progressLine(handoff, { columns: columns() - 1, plain }));
    const phase = `${phaseOf(handoff)} ${waitsFor(handoff) !== ''}`;
    if (phase === this.#shown.phase && now() - this.#shown.atMs < LINE_EVERY_MS) return;
    note(`${progressLine(handoff, { columns: Number.POSITIVE_INFINITY, plain })}\n`);
    this.#shown = { atMs: now(), phase };
  }

  /** The next output begins on a line of its own. */
  end(): void {
    if (this.#open === 0) return;
    this.#over('');
    if (this.#shell.plain) this.#shell.note('\r');
    this.#open = 0;
  }

  /** Erase in Line (ECMA-48) where there are control sequences, else blanks. */
  #over(line: string): void {
    const cells = [...line].length;
    const rest = this.#shell.plain ? ' '.repeat(Math.max(0, this.#open - cells)) : '';
    this.#shell.note(this.#shell.plain ? `\r${line}${rest}` : `\r\u001b[K${line}`);
    this.#open = cells;
  }
}

/**
 * What a move cost, as far as this node knows. The source has no clock of the target's: it counts to the target's word
 * that the guest runs, or that all pages are there, so its figures are a message longer than the truth.
 */
export function movedLine(handoff: HandoffStatus, plain: boolean): string {
  const { name, source, target, engine, at, wireBytes, dataBytes, faults, blocked, reconnects } = handoff;
  const ran = ranAt(at);
  const isPaged = engine === 'postcopy';
  const transferMs = at.transferred - ran;
  const figures = [
    ['switch', spanMs(at.migrate, ran)],
    ['blackout', spanMs(at.stopped, ran)],
    ['transfer', engine === 'precopy' ? '–' : spanMs(ran, at.transferred)],
    ['wire', bytes(wireBytes)],
    ['at', isPaged && ran >= 0 && transferMs > 0 ? rate((dataBytes * 1000) / transferMs) : '–'],
    ['reconnects', reconnects > 0 ? String(reconnects) : '–'],
    [
      'faults',
      faults.count < 1 ? '–' : `${faults.count} (p50 ${micros(faults.p50Us)}, p99 ${micros(faults.p99Us)})`,
    ],
    stood(blocked),
  ].filter(([, figure]) => figure !== '–');
  const line = [`${name} moved from ${source} to ${target} by ${engine}`, ...figures.map(f => f.join(' '))];
  return plain ? ascii(line.join(', ')) : line.join(', ');
}
