/**
 * A run of the fuzzer: so many inputs over all decoders, each made from (seed, decoder, number) alone, so that any of
 * them can be made again. What a decoder fails on is kept as a file, and fed again before every later run.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext, Script } from 'node:vm';
import { type Chance, chanceOf } from './chance.ts';
import { type Codec, feed, feedNow, type Kind, type Verdict } from './codec.ts';
import { read, write } from './forms.ts';
import { mutateBytes, mutateTree, randomBytes } from './mutate.ts';

/** A decoder takes microseconds, a configuration milliseconds: one that takes this long hangs, on any machine. */
const HANG_MS = 30_000;
/** Inputs between two looks at the clock. */
const BATCH = 64;
/** Caches of compiled code and schemas fill in the first inputs; growth is counted after them. */
const WARM_UP_SHARE = 0.1;
/** A leak of 100 bytes an input would be 100 MB in a million; heaps breathe by some tens. */
const GROWTH_MAX_MIB = 96;
/** A decoder that fails fails often: so many of its inputs are kept. */
const KEPT_MAX = 5;
const LARGE_BYTES = 100_000;

export type Violation = { target: string; input: string; kind: Kind; message: string; file: string };
export type Counts = { inputs: number; taken: number; refused: number };
export type Report = {
  seed: number;
  inputs: number;
  replayed: number;
  seconds: number;
  rssMib: { before: number; after: number };
  targets: Record<string, Counts>;
  violations: Violation[];
};

export type Options = {
  inputs: number;
  seed: number;
  codecs: readonly Codec[];
  /** Where failing inputs are kept, as `<target>-<hash>.bin`. */
  kept: string;
  /** Default 30 s. */
  hangMs?: number;
  say?: (line: string) => void;
};

export async function fuzz(options: Options): Promise<Report> {
  const { codecs, inputs, seed, kept, say = () => undefined } = options;
  const run = new Run(kept, options.hangMs ?? HANG_MS);
  const begunMs = performance.now();
  const stop = run.watchStrays();
  try {
    const replayed = await run.replay(codecs);
    const shares = sharesOf(codecs, inputs);
    const warm = [...shares].map(([codec, count]) => [codec, Math.ceil(count * WARM_UP_SHARE)] as const);
    for (const [codec, count] of warm) await run.span(codec, seed, 0, count);
    const before = rssMib();
    for (const [i, [codec, count]] of [...shares].entries()) {
      await run.span(codec, seed, warm[i]?.[1] ?? 0, count);
      say(`${codec.name}: ${JSON.stringify(run.targets[codec.name])}`);
    }
    const after = rssMib();
    if (after - before > GROWTH_MAX_MIB) run.grew(before, after);
    const seconds = Math.round((performance.now() - begunMs) / 100) / 10;
    const done = Object.values(run.targets).reduce((sum, t) => sum + t.inputs, 0);
    return { seed, inputs: done, replayed, seconds, rssMib: { before, after }, ...run.result() };
  } finally {
    stop();
  }
}

/** How many inputs each decoder gets: by weight, and never none. */
function sharesOf(codecs: readonly Codec[], inputs: number): Map<Codec, number> {
  const all = codecs.reduce((sum, codec) => sum + codec.weight, 0);
  return new Map(codecs.map(codec => [codec, Math.max(1, Math.ceil((inputs * codec.weight) / all))]));
}

/** Input `n` of a decoder under a seed. Pure. */
export function inputOf(codec: Codec, seed: number, n: number): Uint8Array {
  const chance = chanceOf(seed, codec.name, n);
  const source = chance.pick(codec.seeds);
  if (chance.once(40)) return randomBytes(chance, chance.below(80));
  if (chance.once(200)) return large(source, chance);
  if (!codec.form || chance.once(3)) return mutateBytes(source, chance, codec.seeds);
  try {
    const changed = write(codec.form, mutateTree(read(codec.form, source), chance));
    return chance.once(8) ? mutateBytes(changed, chance, codec.seeds) : changed;
  } catch {
    // Not every seed is a tree: some are there for being none.
    return mutateBytes(source, chance, codec.seeds);
  }
}

function large(source: Uint8Array, chance: Chance): Uint8Array {
  const times = Math.ceil(LARGE_BYTES / Math.max(1, source.length));
  return mutateBytes(Buffer.concat(Array.from({ length: times }, () => source)), chance, [source]);
}

class Run {
  readonly targets: Record<string, Counts> = {};
  readonly #violations: Violation[] = [];
  readonly #kept: string;
  readonly #hangMs: number;
  /** What is being fed, for what is thrown where nobody waits for it. */
  #now: { codec: Codec; bytes: Uint8Array; name: string } | undefined;

  constructor(kept: string, hangMs: number) {
    this.#kept = kept;
    this.#hangMs = hangMs;
  }

  result(): Pick<Report, 'targets' | 'violations'> {
    return { targets: this.targets, violations: this.#violations };
  }

  /** Unhandled rejections and errors out of event handlers belong to the input at hand. */
  watchStrays(): () => void {
    const stray = (error: unknown) => {
      const message = String((error as Error)?.stack ?? error);
      if (this.#now) this.#violation({ kind: 'unhandled', message });
      else throw error;
    };
    process.on('unhandledRejection', stray);
    process.on('uncaughtException', stray);
    return () => {
      process.off('unhandledRejection', stray);
      process.off('uncaughtException', stray);
    };
  }

  /** Feeds what earlier runs failed on. Answers how many there were. */
  async replay(codecs: readonly Codec[]): Promise<number> {
    const files = existsSync(this.#kept) ? readdirSync(this.#kept).filter(f => f.endsWith('.bin')) : [];
    let count = 0;
    for (const file of files.sort()) {
      const codec = codecs.find(c => c.name === file.replace(/-[0-9a-f]{8}\.bin$/, ''));
      if (!codec) continue;
      count += 1;
      await this.#feedAll(codec, [{ bytes: readFileSync(join(this.#kept, file)), name: file }]);
    }
    return count;
  }

  /** Inputs `from` to `to` − 1. */
  async span(codec: Codec, seed: number, from: number, to: number): Promise<void> {
    for (let n = from; n < to; n += BATCH) {
      const numbers = Array.from({ length: Math.min(BATCH, to - n) }, (_, i) => n + i);
      await this.#feedAll(
        codec,
        numbers.map(k => ({ bytes: inputOf(codec, seed, k), name: `seed ${seed} input ${k}` })),
      );
    }
  }

  async #feedAll(codec: Codec, inputs: { bytes: Uint8Array; name: string }[]): Promise<void> {
    const queue = [...inputs];
    while (queue.length > 0) {
      if (codec.answersLater) await this.#feedLater(codec, queue.shift() as (typeof queue)[0]);
      else {
        // After one that hangs the rest goes on.
        this.#untilHang(() => {
          for (let input = queue.shift(); input; input = queue.shift()) {
            this.#now = { codec, ...input };
            this.#count(feedNow(codec, input.bytes));
          }
        });
      }
      // Lets what was left to the event loop come out while it is known whose it is.
      await new Promise(resolve => setImmediate(resolve));
    }
    this.#now = undefined;
  }

  /** Ends a decoder that does not end: the engine itself breaks off the script that called it. */
  #untilHang(work: () => void): void {
    const place = globalThis as { shoalFuzz?: () => void };
    place.shoalFuzz = work;
    try {
      STEP.runInThisContext({ timeout: this.#hangMs });
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      this.#count({ kind: 'hang', message: `no answer in ${this.#hangMs} ms` });
    } finally {
      delete place.shoalFuzz;
    }
  }

  async #feedLater(codec: Codec, { bytes, name }: { bytes: Uint8Array; name: string }): Promise<void> {
    this.#now = { codec, bytes, name };
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Verdict>(resolve => {
      const hang: Verdict = { kind: 'hang', message: `no answer in ${this.#hangMs} ms` };
      timer = setTimeout(() => resolve(hang), this.#hangMs);
    });
    this.#count(await Promise.race([feed(codec, bytes), late]));
    clearTimeout(timer);
  }

  #count(verdict: Verdict): void {
    const { codec } = this.#now as { codec: Codec };
    this.targets[codec.name] ??= { inputs: 0, taken: 0, refused: 0 };
    const counts = this.targets[codec.name] as Counts;
    counts.inputs += 1;
    if ('kind' in verdict) this.#violation(verdict);
    else if (verdict.taken) counts.taken += 1;
    else counts.refused += 1;
  }

  #violation({ kind, message }: { kind: Kind; message: string }): void {
    const { codec, bytes, name } = this.#now as { codec: Codec; bytes: Uint8Array; name: string };
    const before = this.#violations.filter(v => v.target === codec.name);
    if (before.some(v => v.input === name && v.kind === kind)) return;
    const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 8);
    const file = before.length < KEPT_MAX ? join(this.#kept, `${codec.name}-${hash}.bin`) : '';
    if (file) {
      mkdirSync(this.#kept, { recursive: true });
      writeFileSync(file, bytes);
    }
    this.#violations.push({ target: codec.name, input: name, kind, message, file });
  }

  grew(before: number, after: number): void {
    const message = `resident memory grew from ${before} to ${after} MiB, over ${GROWTH_MAX_MIB} more`;
    this.#violations.push({ target: 'all', input: '', kind: 'memory', message, file: '' });
  }
}

const STEP = new Script('globalThis.shoalFuzz()');

/** Of this process after a collection of garbage. */
function rssMib(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return Math.round(process.memoryUsage.rss() / 2 ** 20);
}
