/** The supervised test over two lives of the agent: begun in one, judged in the next (`core/power/sleep-test.ts`). */
import {
  judgeTest,
  needsNoTest,
  type SleepTest,
  sleepTestKey,
  type TestBegun,
} from '../../core/power/sleep-test.ts';
import { lastWake } from '../../core/power/woken.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Registers } from '../registers/registers.ts';
import type { Shelf } from '../store/store.ts';

/** How long a peer waits before it wakes the node: long enough for a machine to be down, and seen to be. */
export const TEST_WAKE_AFTER_MS = 20_000;
/** In a test the alarm of last resort comes soon: nobody waits a day for a machine that is near. */
export const TEST_ALARM_S = 300;
/** Peers tell of their wake as soon as they hear of the node. */
const WORD_MS = 30_000;
const ROW = 'test';

export type TestRow = TestBegun & { sleptSeconds?: number };

export type SupervisedDeps = {
  shelf: Pick<Shelf<TestRow>, 'get' | 'putSynced' | 'delete'>;
  registers: Registers;
  incarnation: number;
  driver: string;
  hardware: string;
  clock: Clock;
  log: Logger;
};

export class Supervised {
  readonly #deps: SupervisedDeps;
  #pending: TestRow | undefined;
  #sinceMs = 0;

  constructor(deps: SupervisedDeps) {
    this.#deps = deps;
  }

  /** What an earlier life has begun. */
  async open(): Promise<void> {
    const { shelf, incarnation, clock, driver } = this.#deps;
    // Nothing was tested where nothing can be.
    if (driver === '' || needsNoTest(driver)) return;
    const row = await shelf.get(ROW);
    // One that was rebooted, or that somebody pulled the plug of, came to no end.
    if (row && row.incarnation < incarnation) this.#pending = row;
    this.#sinceMs = clock.nowMs();
  }

  /** On the disk when this resolves. */
  begin(): Promise<void> {
    const { shelf, incarnation, driver, hardware } = this.#deps;
    return shelf.putSynced(ROW, { incarnation, driver, hardware, alarmS: TEST_ALARM_S });
  }

  /** The machine is awake again. */
  async slept(sleptSeconds: number): Promise<void> {
    const { shelf } = this.#deps;
    const row = await shelf.get(ROW);
    if (row) await shelf.putSynced(ROW, { ...row, sleptSeconds });
  }

  /** It did not sleep: nothing was tested. */
  async cancelled(): Promise<void> {
    await this.#deps.shelf.delete(ROW);
  }

  tick(): void {
    const begun = this.#pending;
    if (!begun) return;
    const { registers, clock } = this.#deps;
    const all = registers.table.all().map(held => held.register);
    const isOver = clock.nowMs() - this.#sinceMs > WORD_MS;
    const { sleptSeconds } = begun;
    const result: SleepTest | undefined =
      sleptSeconds === undefined
        ? { ...rebooted(begun), atMs: clock.wallMs() }
        : judgeTest(begun, sleptSeconds, lastWake(all, registers.self), isOver, clock.wallMs());
    if (!result) return;
    this.#pending = undefined;
    void this.#tell(result);
  }

  async #tell(result: SleepTest): Promise<void> {
    const { registers, shelf, log } = this.#deps;
    const words = result.passed
      ? `passed: woken by ${result.method} in ${result.wakeSeconds.toFixed(1)} s`
      : `failed: ${result.why}`;
    log[result.passed ? 'info' : 'warn']({ event: 'power', test: result }, `the test of sleep ${words}`);
    try {
      await registers.write(sleepTestKey(registers.self), JSON.stringify(result));
      await shelf.delete(ROW);
    } catch (error) {
      log.error({ error: String(error) }, 'the result of the test of sleep is not kept');
    }
  }
}

const rebooted = ({ driver, hardware }: TestRow): Omit<SleepTest, 'atMs'> => ({
  ...{ passed: false, why: 'it came back as a boot: what was in its memory is lost', driver, hardware },
  ...{ sleptSeconds: 0, wakeSeconds: 0, method: '', by: '' },
});
