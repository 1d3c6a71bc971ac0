/** The charts that experiments share. Pure. */
import type { Panel } from './types.ts';

/** A little over a core, so that a full one is seen. */
const FULL_PERCENT = 110;

export const cpuPanel = (series: string, title: string): Panel => ({
  series,
  title,
  yLabel: 'CPU (%)',
  yMax: FULL_PERCENT,
});

/** As the paper draws each of its experiments. */
export const TWO_VMS: readonly Panel[] = [
  cpuPanel('node0', 'PM0'),
  cpuPanel('node1', 'PM1'),
  cpuPanel('vm0', 'VM0'),
  cpuPanel('vm1', 'VM1'),
];
