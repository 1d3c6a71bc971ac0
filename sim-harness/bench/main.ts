/** `npm run bench -- BENCH [options]`: figures, never verdicts. Exit codes: bench-table.ts. */
import { ShoalError } from '@shoal/agent';
import type { BenchName } from './bench-table.ts';
import * as curve from './curve.ts';
import * as detection from './detection.ts';
import * as handoff from './handoff.ts';
import * as loopback from './loopback.ts';
import * as mesh from './mesh.ts';
import { benchOf, help, helpOf } from './usage.ts';
import * as writeHeavy from './write-heavy.ts';

const RUN: Record<BenchName, (args: string[]) => Promise<number>> = {
  handoff: handoff.run,
  curve: curve.run,
  'write-heavy': writeHeavy.run,
  loopback: loopback.run,
  mesh: mesh.run,
  detection: detection.run,
};

async function main([name, ...args]: string[]): Promise<number> {
  if (name === '--help' || name === '-h') {
    process.stdout.write(help());
    return 0;
  }
  const bench = benchOf(name);
  // Before anything is checked: who asks for help need not have the rest right.
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(helpOf(bench));
    return 0;
  }
  return RUN[bench](args);
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  const usage = (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  const ours = error instanceof ShoalError;
  process.stderr.write(
    `bench: ${ours ? error.line() : usage ? (error as Error).message : (error as Error).stack}\n`,
  );
  process.exit(usage || (ours && error.code === 'SHOAL_BENCH_ARGS') ? 2 : 1);
}
