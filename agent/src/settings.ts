/** The configuration in the units of the parts that it goes to. Pure. */
import type { ThresholdConfig } from '@shoal/policies';
import type { Config } from './config/config.ts';

export function thresholdConfig({ policy }: Config): ThresholdConfig {
  return {
    activeVmMilli: policy.activeVmPercent * 10,
    overloadPermille: policy.overloadPercent * 10,
    idlePermille: policy.idlePercent * 10,
    holdMs: policy.holdSeconds * 1000,
    cooldownMs: policy.cooldownSeconds * 1000,
    cooldownScope: policy.cooldownScope as ThresholdConfig['cooldownScope'],
    packMarginPermille: policy.packMarginPercent * 10,
    maxInflow: policy.maxInflow,
    maxOutflow: policy.maxOutflow,
  };
}

/** User 0 is "as the agent runs", not a change of user. */
export const runAs = ({ vms }: Config): { uid: number; gid: number } | undefined =>
  vms.runAs.uid === 0 ? undefined : vms.runAs;
