/** The end of a demo, for people. Pure. */
import type { Report } from './report.ts';

export function summary({ verdict, why, moves, strangersShare }: Report, out: string): string {
  const lines = [
    '',
    verdict === 'ok'
      ? '✓ as the rule asks'
      : verdict === 'failed'
        ? '✗ not as the rule asks'
        : '? inconclusive',
  ];
  for (const reason of why) lines.push(`  ${reason}`);
  for (const m of moves) {
    lines.push(
      `  ${(m.decidedAtMs / 1000).toFixed(1).padStart(6)} s  ${m.vm} ${m.from} → ${m.to}  ${m.reason}, ${m.engine}: ` +
        `switch ${m.switchMs} ms, blackout ${m.blackoutMs} ms, transfer ${m.transferMs} ms, ` +
        `${(m.wireBytes / 1e6).toFixed(1)} MB, ${m.faults.count} faults (p50 ${m.faults.p50Us} µs, p99 ${m.faults.p99Us} µs), ${m.badPages} bad pages`,
    );
  }
  lines.push(`  others used ${(strangersShare * 100).toFixed(1)} % of the cores`);
  lines.push(`  report.json, node0.svg, node1.svg, vm0.svg, vm1.svg: ${out}`, '');
  return lines.join('\n');
}
