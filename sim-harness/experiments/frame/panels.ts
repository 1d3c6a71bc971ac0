/** The charts that experiments share. Pure. */
import type { Panel } from './types.ts';

/** A little over a core, so that a full one is seen. */
const FULL_PERCENT = 110;

export const cpuPanel = (series: string, title: string): Panel => ({
  lines: [{ series, name: title }],
  title,
  yLabel: 'CPU (%)',
  yMax: FULL_PERCENT,
});

/** As the paper draws each of its experiments; `first`: the number of its figure of PM0, of each arm that it has. */
export const twoVms = (first: Record<string, number> = {}): readonly Panel[] =>
  [cpuPanel('node0', 'PM0'), cpuPanel('node1', 'PM1'), cpuPanel('vm0', 'VM0'), cpuPanel('vm1', 'VM1')].map(
    (panel, i) => ({
      ...panel,
      paper: Object.fromEntries(Object.entries(first).map(([arm, number]) => [arm, number + i])),
    }),
  );
