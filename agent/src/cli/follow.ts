/** `migrate --wait`: follows one handoff to its end, a line of progress on the way. */
import { phaseOf } from '../edge/handoff/figures.ts';
import type { HandoffStatus, Moving } from '../edge/http/api.types.ts';
import { ShoalError } from '../errors.ts';
import type { Answer } from './client.ts';
import { ascii, bytes, duration, micros, ranAt, rate, spanMs, stood } from './format.ts';
import { HandoffView, isHeardOf } from './handoff-view.ts';
import { doubtOf, progressLine, waitsFor } from './progress.ts';
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
export async function follow(
  shell: Shell,
  vm: string,
  moving: Moving,
  timeoutMs: number,
): Promise<Answer<HandoffStatus>> {
  const startMs = shell.now();
  const progress = new Progress(shell);
  const view = new HandoffView(shell, vm, moving);
  const target = new TargetSide(shell, moving.handoff);
  for (;;) {
    const answer = await look(shell, view);
    const { value } = answer;
    if (value.outcome !== '') {
      progress.end();
      if (value.outcome === 'done') return { ...answer, value: await target.last(value) };
      throw notMoved(value);
    }
    progress.show(target.over(value));
    if (timeoutMs > 0 && shell.now() - startMs >= timeoutMs) {
      progress.end();
      const what = `the handoff has not ended after ${duration(timeoutMs)}; it goes on`;
      throw new ShoalError(
        'SHOAL_CLI_WAIT',
        what,
        `${value.name}, stage ${value.stage}`,
        value.inDoubt ? `It is ${doubtOf(value)}` : 'See `shoal handoffs`',
      );
    }
    await shell.sleep(LOOK_EVERY_MS);
  }
}

/** Where the VM is and how, by the end and by who tells of it (edge/handoff/timeline.ts). */
function notMoved({ outcome, role, name, source, target, detail }: HandoffStatus): ShoalError {
  const here = role === 'target' ? target : source;
  const [what, todo] = {
    lost: [
      'it moved, and lost memory on the way',
      `It is on ${target}, as after a crash: what was in its memory is gone; see \`shoal vms\``,
    ],
    resolved: [
      'it was started anew by an operator',
      `It starts on ${here} from its disks; see \`shoal vms\``,
    ],
    yielded: [
      `${target} gave it up`,
      `It was started anew on ${source} by an operator, from its disks; see \`shoal vms\``,
    ],
  }[outcome] ?? ['it did not move', `It is on ${source} still; see \`shoal handoffs\``];
  return new ShoalError(
    'SHOAL_CLI_NOT_MOVED',
    `${what} (${outcome})${detail && `: ${detail}`}`,
    name,
    todo ?? '',
  );
}

/** One look; a restart of the agent is sat out. */
async function look(shell: Shell, view: HandoffView): Promise<Answer<HandoffStatus>> {
  const untilMs = shell.now() + AGENT_GONE_MS;
  for (;;) {
    try {
      return await view.look();
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
    const phase = `${phaseOf(handoff)} ${waitsFor(handoff) !== ''} ${handoff.inDoubt}`;
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
  const isPaged = engine === 'postcopy' && dataBytes >= 0;
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
  const by = isHeardOf(handoff) ? ` by ${engine}` : '';
  const line = [`${name} moved from ${source} to ${target}${by}`, ...figures.map(f => f.join(' '))];
  return plain ? ascii(line.join(', ')) : line.join(', ');
}
