/** How much of the cores others used during a part of a bench, and from where on that part says nothing. */
import { clock } from '@shoal/agent/edge/clock';
import type { Lab } from '../lab/index.ts';
import { watchStrangers } from '../lab/strangers.ts';

/** Of both cores, and of either alone. */
export const OTHERS_MAX = { share: 0.15, core: 0.25 };
const CORES = [0, 1];

/** Shares of time, 0 to 1: of both cores together, and of each. */
export type Others = { share: number; cores: readonly number[] };

export const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** The rule, in words. */
export const RULE = `others used more than ${percent(OTHERS_MAX.share)} of the cores or ${percent(OTHERS_MAX.core)} of one`;

/** Why what was measured meanwhile is discarded; empty = it is kept. Pure. */
export function disturbed({ share, cores }: Others): string {
  if (share > OTHERS_MAX.share) return `others used ${percent(share)} of the cores`;
  const most = Math.max(0, ...cores);
  return most > OTHERS_MAX.core ? `others used ${percent(most)} of core ${cores.indexOf(most)}` : '';
}

/** Of each figure the worst part: a short disturbance does not drown in a long quiet. Pure. */
export const worst = (parts: readonly Others[]): Others => ({
  share: Math.max(0, ...parts.map(part => part.share)),
  cores: CORES.map(core => Math.max(0, ...parts.map(part => part.cores[core] ?? 0))),
});

/**
 * Since now, when called. What this process itself used is not others', nor `alsoMs` (CPU so far of what else belongs to the bench);
 * it is on either core, so it is taken off both. Where nodes are bound to no core, nobody knows whose a core's time was: then no
 * core is looked at alone.
 */
export function watchOthers(lab: Lab, alsoMs: () => number = () => 0): () => Others {
  const strangers = watchStrangers(
    CORES,
    lab.nodes.map(node => node.usage),
  );
  const cpu = process.cpuUsage();
  const [begunMs, alsoBefore] = [clock.nowMs(), alsoMs()];
  const isBound = lab.state.nodes.every(node => node.core >= 0);
  return () => {
    const used = process.cpuUsage(cpu);
    const ownMs = (used.user + used.system) / 1000 + alsoMs() - alsoBefore;
    const own = ownMs / (clock.nowMs() - begunMs);
    const round = (share: number) => Number(Math.max(0, share).toFixed(3));
    return {
      share: round(strangers.stop() - own / CORES.length),
      cores: isBound ? strangers.each().map(share => round(share - own)) : [],
    };
  };
}
