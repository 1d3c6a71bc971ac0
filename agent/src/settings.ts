/** The configuration in the units of the parts that it goes to. Pure. */
import {
  type Decision,
  decide,
  policyFingerprint,
  type ThresholdConfig,
  threshold,
  type View,
} from '@shoal/policies';
import type { Config } from './config/config.ts';
import { digest16 } from './edge/machine.ts';

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

export type Policy = {
  policyConfig: ThresholdConfig;
  /** As decision records carry them. */
  policyNumbers: ThresholdConfig & { windowMs: number };
  /** Of all that two nodes must have in common to come to the same decision. */
  policyHash: string;
  rule(view: View): Decision;
};

export function policyOf(config: Config): Policy {
  const policyConfig = thresholdConfig(config);
  // Means over another window are other figures.
  const numbers = { ...policyConfig, windowMs: config.windowMs };
  const policyHash = digest16(policyFingerprint(threshold.name, threshold.version, numbers));
  return { policyConfig, policyNumbers: numbers, policyHash, rule: view => decide(view, policyConfig) };
}
