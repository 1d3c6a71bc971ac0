/**
 * The house rules as a check: what a compiler and a linter do not see. Prints every fault, file and line first.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const LINES_MAX = 300;
const PURE = /^(protocol|policies)\/src\/|^agent\/src\/core\//;
const IMPURE =
  /\b(Date\.now|new Date\(|performance\.now|Math\.random|setTimeout|setInterval|setImmediate|queueMicrotask|process\.|fetch\(|console\.)|from 'node:/;

/** Layers, low to high: a file may import its own layer and those below it, nothing above. */
const LAYERS = [
  ['protocol', /^protocol\/src\//],
  ['policies', /^policies\/src\//],
  ['core', /^agent\/src\/(core\/|errors\.ts|error-codes\.ts|version\.ts)/],
  ['config', /^agent\/src\/config\//],
  ['edge', /^agent\/src\/edge\//],
  ['agent', /^agent\/src\//],
  ['sim-harness', /^sim-harness\//],
  ['scripts', /^scripts\//],
] as const;
const PACKAGES: Record<string, string> = {
  '@shoal/protocol': 'protocol/src/index.ts',
  '@shoal/policies': 'policies/src/index.ts',
  '@shoal/agent': 'agent/src/index.ts',
};

export const rankOf = (path: string): number => LAYERS.findIndex(([, pattern]) => pattern.test(path));

/** Faults of one TypeScript file, each as `path:line: what`. */
export function faultsOf(path: string, text: string): string[] {
  return path.endsWith('.test.ts')
    ? testFaults(path, text)
    : [...sourceFaults(path, text), ...lengthFault(path, text)];
}

function lengthFault(path: string, text: string): string[] {
  const count = text.split('\n').length - 1;
  return count > LINES_MAX ? [`${path}:1: ${count} lines, over ${LINES_MAX}`] : [];
}

function testFaults(path: string, text: string): string[] {
  const faults = lengthFault(path, text);
  // uvu drops a suite whose run() is forgotten, and still exits 0.
  if (/\btest\(/.test(text) && !/^test\.run\(\);$/m.test(text))
    faults.push(`${path}:1: test.run() is missing`);
  for (const [, name] of text.matchAll(/const (\w+) = suite(?:<.*>)?\(/g)) {
    if (!text.includes(`${name}.run()`)) faults.push(`${path}:1: suite ${name} never runs`);
  }
  if (!/\bassert\b/.test(text)) faults.push(`${path}:1: no assertion`);
  if (/\b(test|suite)\.(skip|only)\(/.test(text)) faults.push(`${path}:1: a test is skipped or singled out`);
  return faults;
}

function sourceFaults(path: string, text: string): string[] {
  const faults: string[] = [];
  text.split('\n').forEach((line, i) => {
    const at = `${path}:${i + 1}`;
    const code = line.replace(/\/\/.*$/, '').replace(/^\s*\*.*$/, '');
    if (PURE.test(path) && IMPURE.test(code)) faults.push(`${at}: an effect in pure code: ${line.trim()}`);
    const target = importTarget(path, code);
    if (target && rankOf(target) > rankOf(path)) faults.push(`${at}: ${path} may not import ${target}`);
  });
  return faults;
}

/** The file that an import in `path` names, as far as it is one of ours. */
function importTarget(path: string, line: string): string | undefined {
  const spec = /(?:from|import\()\s*'([^']+)'/.exec(line)?.[1];
  if (!spec) return undefined;
  if (spec.startsWith('.')) return normalize(join(dirname(path), spec));
  if (spec.startsWith('@shoal/agent/')) return `agent/src/${spec.slice('@shoal/agent/'.length)}.ts`;
  return PACKAGES[spec];
}

/** Made, not written; as `.gitignore` has it. */
const MADE = ['node_modules', 'dist', 'target', 'coverage', 'out', '.cache', '.git'];

/** Every file that was written with one of these endings. By the folders: a copy of the tree may be no git checkout. */
function files(...endings: string[]): string[] {
  const under = (dir: string): string[] =>
    readdirSync(dir || '.', { withFileTypes: true }).flatMap(entry => {
      if (MADE.includes(entry.name)) return [];
      const path = join(dir, entry.name);
      return entry.isDirectory() ? under(path) : [path];
    });
  return under('')
    .filter(path => endings.some(ending => path.endsWith(ending)))
    .sort();
}

export const sourceFiles = (): string[] => files('.ts');

export function tidy(): string[] {
  const read = (path: string) => readFileSync(path, 'utf8');
  return [
    ...sourceFiles().flatMap(path => faultsOf(path, read(path))),
    ...files('.rs', '.c', '.mjs').flatMap(path => lengthFault(path, read(path))),
  ];
}
