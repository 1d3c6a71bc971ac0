/**
 * `npm run test:qemu [-- --from backports] [pattern…]`: the tests that start real QEMU, with a newer one than the
 * machine's own (scripts/newer-qemu.ts). Whatever runs a QEMU by its name finds that one first on its PATH.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { newerQemu, SUITES, versionIn } from './newer-qemu.ts';

/** Where QEMU differs between versions it shows here: its monitor, its command line, its migrations by each engine. */
const WITH_QEMU = [
  ...['edge/vmm/', 'edge/vms/', 'doctor/', 'test/three-nodes', 'test/lifecycle', 'test/disks', 'test/nic'],
  ...['test/qemu-postcopy', 'test/precopy-memory', 'test/busy-node', 'test/unprivileged', 'test/mixed-qemu'],
];

const { values, positionals } = parseArgs({
  options: { from: { type: 'string', default: 'backports' } },
  allowPositionals: true,
});
const suite = SUITES[values.from];
if (!suite) {
  process.stderr.write(`--from ${values.from}: there is ${Object.keys(SUITES).join(', ')}\n`);
  process.exit(2);
}
const bin = newerQemu(suite);
process.stdout.write(`QEMU ${versionIn(bin)} of ${suite}\n`);
const patterns = positionals.length > 0 ? positionals : WITH_QEMU;
const { status } = spawnSync(process.execPath, ['--import', 'tsx', 'scripts/test.ts', ...patterns], {
  stdio: 'inherit',
  env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
});
process.exit(status ?? 1);
