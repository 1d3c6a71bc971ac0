/**
 * How long its pages kept a guest waiting is known where it waits: at the target. So that is asked too, over its HTTP,
 * for reads; where it has none or does not answer, those figures are not known.
 */
import type { HandoffStatus } from '../edge/http/api.types.ts';
import type { Client } from './client.ts';
import { ANSWER_MAX_MS, readsOf } from './reads-of.ts';
import type { Shell } from './shell.ts';

/** More than any agent lists of either. */
const ROWS_MAX = 64;
const NAME_MAX = 64;

type Waits = Pick<HandoffStatus, 'faults' | 'blocked'>;

export class TargetSide {
  readonly #shell: Shell;
  readonly #path: string;
  #client: Client | undefined;
  #known: Waits | undefined;
  #asking: Promise<void> | undefined;

  constructor(shell: Shell, handoff: string) {
    this.#shell = shell;
    this.#path = `/v1/handoffs/${encodeURIComponent(handoff)}`;
  }

  /** `own` with what the target has said last; asks it again, and waits for the answer of no one. */
  over(own: HandoffStatus): HandoffStatus {
    if (own.role !== 'source') return own;
    this.#asking ??= this.#ask(own.target).finally(() => {
      this.#asking = undefined;
    });
    const { faults, blocked } = this.#known ?? own;
    return { ...own, faults, blocked };
  }

  /** As `over`, with the target's last word, for which it waits a moment. */
  async last(own: HandoffStatus): Promise<HandoffStatus> {
    await this.#asking; // what was asked before the end is not its last word
    this.over(own);
    await this.#asking;
    const { faults, blocked } = this.#known ?? own;
    return { ...own, faults, blocked };
  }

  async #ask(target: string): Promise<void> {
    try {
      this.#client ??= await readsOf(this.#shell, target);
      const { value } = await this.#client.get<Partial<Waits>>(this.#path, 'object', ANSWER_MAX_MS);
      if (isWaits(value)) this.#known = value;
    } catch {
      // Its figures are missing then, and that is shown.
    }
  }
}

/** Any member says where its HTTP is, and may answer anything there. */
function isWaits(value: Partial<Waits>): value is Waits {
  const { faults, blocked } = value;
  const { count, sumUs, p50Us, p99Us, maxUs, buckets } = faults ?? {};
  const areRows = (rows: unknown): rows is unknown[] => Array.isArray(rows) && rows.length <= ROWS_MAX;
  return (
    [count, sumUs, p50Us, p99Us, maxUs].every(Number.isSafeInteger) &&
    areRows(buckets) &&
    buckets.every(Number.isSafeInteger) &&
    areRows(blocked) &&
    blocked.every(
      row =>
        typeof row?.thread === 'string' &&
        row.thread.length <= NAME_MAX &&
        [row.us, row.faults].every(Number.isSafeInteger),
    )
  );
}
