/** `npm run bench -- handoff|mesh|detection [options]`: figures, never verdicts. Exit codes: 0, 1 failed, 2 inconclusive or bad arguments. */
import { ShoalError } from '@shoal/agent';
import * as detection from './detection.ts';
import * as handoff from './handoff.ts';
import * as mesh from './mesh.ts';

const USAGE = `usage: npm run bench -- handoff [--engines postcopy,warm,precopy,qemu-postcopy] [--order hot,windows,sequential] [--compression auto,off,on] [--memory MIB] [--filled MIB] [--text] [--link 1gbit] [--load PERCENT] [--neighbour] [--runs N] [--json]
       npm run bench -- mesh [--nodes 3,8,16] [--seconds 20] [--json]
       npm run bench -- detection [--nodes 16] [--trials 10] [--hogs 64] [--json]
`;

async function main([name, ...args]: string[]): Promise<number> {
  if (name === 'handoff') return handoff.run(args);
  if (name === 'mesh') {
    await mesh.run(args);
    return 0;
  }
  if (name === 'detection') {
    await detection.run(args);
    return 0;
  }
  process.stderr.write(USAGE);
  return name === '--help' ? 0 : 2;
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
