/** `migrate --wait`: follows one handoff to its end, a line of progress on the way. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { HandoffStatus } from '../edge/http/api.types.ts';
import { ShoalError } from '../errors.ts';
import type { Answer } from './client.ts';
import { bytes, duration, micros, ranAt, rate, spanMs } from './format.ts';
import type { Shell } from './shell.ts';

/** Often enough to look alive; the agent answers from memory. */
const LOOK_EVERY_MS = 500;
/** Where a line cannot be written over, a log should stay short. */
const LINE_EVERY_MS = 5000;
/** An agent that is restarted in the middle takes its handoffs up again: that long is waited for it. */
const AGENT_GONE_MS = 30_000;

/** Resolves when the VM has moved and all pages are there. Rejects with SHOAL_CLI_NOT_MOVED or SHOAL_CLI_WAIT (`timeoutMs` over; 0 = no limit). */
export async function follow(shell: Shell, id: string, timeoutMs: number): Promise<Answer<HandoffStatus>> {
  const startMs = shell.now();
  const progress = new Progress(shell);
  for (;;) {
    const answer = await look(shell, id);
    const { value } = answer;
    if (value.outcome !== '') {
      progress.end();
      if (value.outcome === 'done') return answer;
      const why = `it did not move (${value.outcome})${value.detail ? `: ${value.detail}` : ''}`;
      throw new ShoalError(
        'SHOAL_CLI_NOT_MOVED',
        why,
        value.name,
        `It is on ${value.source} still; see \`shoal handoffs\``,
      );
    }
    progress.show(value);
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
    await sleep(LOOK_EVERY_MS);
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
    await sleep(LOOK_EVERY_MS);
  }
}

class Progress {
  readonly #shell: Shell;
  #last = { atMs: 0, bytes: -1 };
  #shown = { atMs: 0, stage: '' };
  #open = false;

  constructor(shell: Shell) {
    this.#shell = shell;
  }

  show(handoff: HandoffStatus): void {
    const shell = this.#shell;
    const nowMs = shell.now();
    const line = progressLine(handoff, this.#speed(handoff.dataBytes, nowMs));
    if (shell.live) {
      shell.note(`\r\u001b[K${line}`);
      this.#open = true;
    } else if (handoff.stage !== this.#shown.stage || nowMs - this.#shown.atMs >= LINE_EVERY_MS) {
      shell.note(`${line}\n`);
      this.#shown = { atMs: nowMs, stage: handoff.stage };
    }
  }

  /** The next output begins on a line of its own. */
  end(): void {
    if (this.#open) this.#shell.note('\r\u001b[K');
    this.#open = false;
  }

  /** Bytes per second since the last look, -1 when there are no two looks with figures. */
  #speed(dataBytes: number, nowMs: number): number {
    const { atMs, bytes: before } = this.#last;
    this.#last = { atMs: nowMs, bytes: dataBytes };
    return before < 0 || dataBytes < before || nowMs <= atMs
      ? -1
      : ((dataBytes - before) * 1000) / (nowMs - atMs);
  }
}

/** `vm1 node0 → node1: transferring, 12 034 pages left, 110 MB/s` */
export function progressLine(handoff: HandoffStatus, bytesPerSecond: number): string {
  const { name, source, target, stage, residualPages } = handoff;
  const parts = [
    `${name} ${source} → ${target}: ${stage}`,
    ...(residualPages > 0 ? [`${residualPages} pages left`] : []),
    ...(bytesPerSecond >= 0 ? [rate(bytesPerSecond)] : []),
  ];
  return parts.join(', ');
}

/**
 * What a move cost, as far as this node knows. The source has no clock of the target's: it counts to the target's word
 * that the guest runs, or that all pages are there, so its figures are a message longer than the truth.
 */
export function movedLine(handoff: HandoffStatus): string {
  const { name, source, target, engine, at, wireBytes, faults } = handoff;
  const ran = ranAt(at);
  const figures = [
    ['switch', spanMs(at.migrate, ran)],
    ['blackout', spanMs(at.stopped, ran)],
    ['transfer', engine === 'precopy' ? '–' : spanMs(ran, at.transferred)],
    ['wire', bytes(wireBytes)],
    ['faults', faults.count < 1 ? '–' : `${faults.count} (p99 ${micros(faults.p99Us)})`],
  ].filter(([, figure]) => figure !== '–');
  return [`${name} moved from ${source} to ${target} by ${engine}`, ...figures.map(f => f.join(' '))].join(
    ', ',
  );
}
