/** `npm run bench -- handoff|curve|write-heavy|loopback|mesh|detection [options]`: figures, never verdicts. Exit codes: 0, 1 failed, 2 inconclusive or bad arguments. */
import { ShoalError } from '@shoal/agent';
import * as curve from './curve.ts';
import * as detection from './detection.ts';
import * as handoff from './handoff.ts';
import * as loopback from './loopback.ts';
import * as mesh from './mesh.ts';
import * as writeHeavy from './write-heavy.ts';

const USAGE = `usage: npm run bench -- handoff [--engines postcopy,warm,precopy,qemu-postcopy] [--order hot,windows,sequential] [--compression auto,off,on] [--memory MIB] [--filled MIB] [--text] [--link 1gbit] [--load PERCENT] [--touch PAGES_PER_S] [--hot MIB] [--neighbour] [--runs N] [--json]
       npm run bench -- curve [--windows 32k,64k,128k,256k,1m,auto] [--classes fifo,htb] [--link 1gbit] [--memory MIB] [--filled MIB] [--load PERCENT] [--qemu] [--preempt] [--runs N] [--svg FILE] [--json]
       npm run bench -- write-heavy [--engines postcopy,warm,precopy] [--link 200mbit] [--memory MIB] [--filled MIB] [--deadline SECONDS] [--runs N] [--json]
       npm run bench -- loopback [--windows auto] [--memory MIB] [--filled MIB] [--runs N] [--json]
       npm run bench -- mesh [--nodes 3,8,16] [--seconds 20] [--json]
       npm run bench -- detection [--nodes 16] [--trials 10] [--hogs 64] [--json]
`;

async function main([name, ...args]: string[]): Promise<number> {
  if (name === 'handoff') return handoff.run(args);
  if (name === 'curve') return curve.run(args);
  if (name === 'write-heavy') return writeHeavy.run(args);
  if (name === 'loopback') return loopback.run(args);
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
