/** `npm run fuzz`: inputs for every decoder, with --http requests for a real agent. Exit codes: see USAGE. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { ShoalError } from '@shoal/agent';
import { repositoryRoot } from '../guest/root.ts';
import { type Codec, feed } from './codec.ts';
import { codecs } from './codecs.ts';
import { fuzzHttp } from './http.ts';
import { fuzzNative } from './native.ts';
import { fuzz, type Report } from './run.ts';

const USAGE = `usage: npm run fuzz [-- --inputs 100000 --seed N --target NAME --json]
       npm run fuzz -- --replay FILE     one kept input again
       npm run fuzz -- --list            the decoders
       npm run fuzz -- --http [--examples 100 --seed N --json]
                                         a real agent's API, by its OpenAPI document (schemathesis, from PyPI)
       npm run fuzz -- --native [--seconds 60 --seed N]
                                         the page server's decoders, so many seconds each

exit codes: 0 no violation, 1 violations, 2 bad arguments, 3 schemathesis or the build cannot be had: nothing was tried
`;
const KEPT = join(repositoryRoot(), 'sim-harness', 'fuzz', 'found');
const INPUTS_MAX = 1e9;
const SEED_MAX = 2 ** 32;
const EXAMPLES_MAX = 100_000;
const SECONDS_MAX = 86_400;
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const bad = (what: string, where: string): ShoalError =>
  new ShoalError('SHOAL_FUZZ_ARGS', what, where, 'See fuzz -- --help');

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      inputs: { type: 'string', default: '100000' },
      seed: { type: 'string' },
      target: { type: 'string' },
      replay: { type: 'string' },
      http: { type: 'boolean', default: false },
      examples: { type: 'string', default: '100' },
      native: { type: 'boolean', default: false },
      seconds: { type: 'string', default: '60' },
      json: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return print(USAGE);
  const all = codecs();
  if (values.list) return print(`${all.map(c => c.name).join('\n')}\n`);
  if (values.replay) return replay(values.replay, all);
  const seed = values.seed === undefined ? Date.now() % SEED_MAX : whole('--seed', values.seed, SEED_MAX);
  if (values.native) {
    say(`seed ${seed}`);
    return fuzzNative(whole('--seconds', values.seconds, SECONDS_MAX), seed);
  }
  if (values.http) return http(whole('--examples', values.examples, EXAMPLES_MAX), seed, values.json);
  const chosen = values.target ? [named(all, values.target)] : all;
  const report = await fuzz({
    inputs: whole('--inputs', values.inputs, INPUTS_MAX),
    seed,
    codecs: chosen,
    kept: KEPT,
    say,
  });
  print(values.json ? `${JSON.stringify(report, null, 2)}\n` : textOf(report));
  return report.violations.length === 0 ? 0 : 1;
}

async function http(examples: number, seed: number, json: boolean): Promise<number> {
  const report = await fuzzHttp({ examples, seed, say });
  if ('unavailable' in report) {
    say(`schemathesis cannot be had here, nothing was tried: ${report.unavailable}`);
    return 3;
  }
  const { ways, rssMib, violations } = report;
  const sum = ways.map(w => `${w.cases} cases over ${w.over}`).join(', ');
  const lines = [
    ...violations,
    `${sum}, seed ${seed}: ${violations.length} violations; ${rssMib.before} → ${rssMib.after} MiB`,
  ];
  print(json ? `${JSON.stringify({ seed, ...report }, null, 2)}\n` : `${lines.join('\n')}\n`);
  return violations.length === 0 ? 0 : 1;
}

async function replay(file: string, all: readonly Codec[]): Promise<number> {
  const codec = named(all, basename(file).replace(/-[0-9a-f]{8}\.bin$/, ''));
  const verdict = await feed(codec, readFileSync(file));
  print(`${JSON.stringify({ target: codec.name, ...verdict }, null, 2)}\n`);
  return 'kind' in verdict ? 1 : 0;
}

function named(all: readonly Codec[], name: string): Codec {
  const found = all.find(c => c.name === name);
  if (found) return found;
  throw bad(`there is no decoder ${name}; there are ${all.map(c => c.name).join(', ')}`, '--target');
}

function whole(option: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw bad(`${text} is no whole number from 0 to ${most}`, option);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function textOf({ inputs, seed, replayed, seconds, rssMib, targets, violations }: Report): string {
  const lines = violations.map(
    v => `✗ ${v.target}, ${v.input}: ${v.kind}: ${v.message}\n  npm run fuzz -- --replay ${v.file}`,
  );
  const sum = `${inputs} inputs over ${Object.keys(targets).length} decoders and ${replayed} kept ones in ${seconds} s, seed ${seed}`;
  return `${[...lines, `${sum}: ${violations.length} violations; ${rssMib.before} → ${rssMib.after} MiB`].join('\n')}\n`;
}

try {
  process.exit(await main());
} catch (error) {
  const usage = (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  const ours = error instanceof ShoalError;
  process.stderr.write(
    `fuzz: ${ours ? error.line() : usage ? (error as Error).message : (error as Error).stack}\n`,
  );
  process.exit(usage || ours ? 2 : 1);
}
