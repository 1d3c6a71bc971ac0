/** The numbers of the threshold rule; defaults are the paper's (section 5) where it has one. */
import type { ThresholdConfig } from './types.ts';

export const THRESHOLD_DEFAULTS: ThresholdConfig = {
  activeVmMilli: 50,
  overloadPermille: 900,
  idlePermille: 300,
  holdMs: 0,
  cooldownMs: 10_000,
  cooldownScope: 'cluster',
  backoff: 'on',
  // Without it four nodes at 29 % would be packed to 116 % and bounce; 20 points leave room for a VM's own swing.
  packMarginPermille: 200,
  maxInflow: 1,
  maxOutflow: 2,
  hostsInReserve: -1,
};

/** Relations between the numbers: each fault in one sentence, empty = fine. */
export function thresholdFaults(c: ThresholdConfig): string[] {
  const faults: string[] = [];
  if (c.idlePermille >= c.overloadPermille) faults.push('idle must be below overload');
  if (c.packMarginPermille >= c.overloadPermille) faults.push('the packing margin must be below overload');
  if (c.maxInflow < 1 || c.maxOutflow < 1) faults.push('inflow and outflow must allow at least one handoff');
  return faults;
}

/**
 * What a policy is, as text: hash it (at the edge) to tell whether two nodes decide alike. Keys are sorted, so that
 * the order in which a config was written does not matter.
 */
export function policyFingerprint(name: string, version: number, config: object): string {
  return JSON.stringify([name, version, Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1))]);
}
