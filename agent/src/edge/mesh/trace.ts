/**
 * A line for every report: `<author> <hash of its bytes> <ms> <sent|received|relayed>`, ms by CLOCK_MONOTONIC, which all
 * processes of one machine share. From the traces of all agents the bench works out how long reports take. Lines are
 * written in batches: the trace must not cost what it measures.
 */
import { createHash } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { clock } from '../clock.ts';
import type { Log } from './types.ts';

/** Names the file to append to; set by the bench. */
export const TRACE_VARIABLE = 'SHOAL_BENCH_REPORT_LOG';

const FLUSH_MS = 1_000;

export class ReportTrace {
  readonly #file: string;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  #lines = '';

  constructor(file: string, log: Log) {
    this.#file = file;
    this.#log = log;
    this.#timer = setInterval(() => void this.flush(), FLUSH_MS);
    this.#timer.unref();
  }

  add(author: string, report: Uint8Array, what: 'sent' | 'received' | 'relayed'): void {
    const hash = createHash('sha1').update(report).digest('hex').slice(0, 16);
    this.#lines += `${author} ${hash} ${clock.nowMs().toFixed(3)} ${what}\n`;
  }

  async flush(): Promise<void> {
    const lines = this.#lines;
    this.#lines = '';
    if (!lines) return;
    try {
      await appendFile(this.#file, lines);
    } catch (error) {
      this.#log.error(
        { event: 'report-trace', file: this.#file, err: error },
        'the report trace cannot be written',
      );
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }
}
