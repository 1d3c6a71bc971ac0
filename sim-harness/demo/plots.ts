/** The four figures of a run, as the paper's 3 to 6: CPU of each node and each VM, a line at every switch. Pure. */
import { lineChart } from '../plot/line-chart.ts';
import type { Report, Sample } from './report.ts';

export function plots({ samples, moves }: Pick<Report, 'samples' | 'moves'>): Record<string, string> {
  const marks = moves
    .filter(m => m.switchedAtMs >= 0)
    .map(m => ({ x: m.switchedAtMs / 1000, label: `${m.vm} → ${m.to}` }));
  const chart = (title: string, value: (sample: Sample) => number | undefined) =>
    lineChart({
      title,
      xLabel: 'time (s)',
      yLabel: 'CPU (%)',
      yMax: 110,
      lines: [
        {
          name: title,
          points: samples.flatMap(s => {
            const y = value(s);
            return y === undefined ? [] : [{ x: s.atMs / 1000, y }];
          }),
        },
      ],
      marks,
    });
  return {
    'node0.svg': chart('CPU of node0', s => s.nodes.node0),
    'node1.svg': chart('CPU of node1', s => s.nodes.node1),
    'vm0.svg': chart('CPU of vm0', s => s.vms.vm0),
    'vm1.svg': chart('CPU of vm1', s => s.vms.vm1),
  };
}
