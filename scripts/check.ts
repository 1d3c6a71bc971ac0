/** `npm run check`: types, lint, format, house rules, clippy, rustfmt. Every part runs; the faults come last. */
import { spawnSync } from 'node:child_process';
import { tidy } from './tidy.ts';

const native = ['--manifest-path', 'agent/native/Cargo.toml'];
const parts: [string, () => string][] = [
  ['types', () => run('node_modules/.bin/tsc', ['-b'])],
  [
    'lint and format',
    () => run('node_modules/.bin/biome', ['ci', '--colors=off', '--error-on-warnings', '.']),
  ],
  ['house rules', () => tidy().join('\n')],
  ['rustfmt', () => run('cargo', ['fmt', ...native, '--all', '--check'])],
  ['clippy', () => run('cargo', ['clippy', ...native, '--all-targets', '--quiet', '--', '-D', 'warnings'])],
];

/** Output when it failed, else nothing. */
function run(command: string, args: string[]): string {
  const result = spawnSync(command, args, { encoding: 'utf8' });
  if (result.status === 0) return '';
  return (
    `${result.error ?? ''}${result.stdout ?? ''}${result.stderr ?? ''}` ||
    `${command} exited ${result.status}`
  );
}

const failures = parts.flatMap(([name, part]) => {
  const startMs = Date.now();
  const output = part();
  process.stdout.write(`${output ? '✗' : '✓'} ${name} (${((Date.now() - startMs) / 1000).toFixed(1)} s)\n`);
  return output ? [`\n── ${name}\n${output}`] : [];
});
for (const failure of failures) process.stdout.write(`${failure}\n`);
process.exit(failures.length ? 1 : 0);
