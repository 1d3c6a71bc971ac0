/** The arguments of the benches, read and explained by one table. Pure. */
import { parseArgs } from 'node:util';
import { BENCH_NAMES, BENCHES, type BenchName, EXIT_CODES, type Option } from './bench-table.ts';
import { bad } from './options.ts';

type Value<O> = O extends { value: string }
  ? O extends { standard: string }
    ? string
    : string | undefined
  : boolean;
export type Values<B extends BenchName> = {
  [K in keyof (typeof BENCHES)[B]['options']]: Value<(typeof BENCHES)[B]['options'][K]>;
};

/** Throws what `parseArgs` throws (ERR_PARSE_ARGS_…). */
export function parse<B extends BenchName>(bench: B, args: string[]): Values<B> {
  const options = Object.entries<Option>(BENCHES[bench].options).map(([name, { value, standard }]) => {
    if (value === undefined) return [name, { type: 'boolean', default: false }] as const;
    return [name, { type: 'string', ...(standard !== undefined && { default: standard }) }] as const;
  });
  return parseArgs({ args, options: Object.fromEntries(options) }).values as Values<B>;
}

/** Throws SHOAL_BENCH_ARGS. */
export function benchOf(name: string | undefined): BenchName {
  const found = BENCH_NAMES.find(known => known === name);
  if (found) return found;
  throw bad(
    name ? `there is no bench ${name}` : 'which bench?',
    BENCH_NAMES.join(', '),
    'See bench -- --help',
  );
}

const WIDTH = 100;
const INDENT = 22;

/** Of one bench. */
export function helpOf(name: BenchName): string {
  const { about, options } = BENCHES[name];
  const lines = Object.entries<Option>(options).map(([option, { value, standard, meaning }]) => {
    const left = `  --${option}${value ? ` ${value}` : ''}`.padEnd(INDENT);
    const otherwise = standard ? ` Default: ${standard}.` : '';
    return folded(`${meaning}${otherwise}`, left);
  });
  return `usage: npm run bench -- ${name} [options]\n\n${folded(about, '')}\n\n${lines.join('\n')}\n${folded('This.', '  --help'.padEnd(INDENT))}\n\n${EXIT_CODES}`;
}

/** Of all. */
export function help(): string {
  const lines = BENCH_NAMES.map(name => folded(BENCHES[name].about, `  ${name}`.padEnd(INDENT)));
  return `usage: npm run bench -- BENCH [options]\n\n${lines.join('\n')}\n\nnpm run bench -- BENCH --help tells its options; docs/bench.md what each figure means.\n${EXIT_CODES}`;
}

/** Words in lines of `WIDTH`, the first begins with `left`, the others below its end. */
function folded(text: string, left: string): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && left.length + line.length + 1 + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.map((line, i) => (i === 0 ? left : ' '.repeat(left.length)) + line).join('\n');
}
