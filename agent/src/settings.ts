/** The configuration in the units of the parts that it goes to. */
import {
  type Decision,
  decide,
  policyFingerprint,
  type ThresholdConfig,
  threshold,
  thresholdFaults,
  type View,
} from '@shoal/policies';
import { schemaFaults } from './config/check.ts';
import type { Config } from './config/config.ts';
import { type PolicyNumbers, policyNumbers } from './core/registers/policy.ts';
import { digest16 } from './edge/machine.ts';

export function thresholdConfig({ policy }: Config): ThresholdConfig {
  return {
    activeVmMilli: policy.activeVmPercent * 10,
    overloadPermille: policy.overloadPercent * 10,
    idlePermille: policy.idlePercent * 10,
    holdMs: policy.holdSeconds * 1000,
    cooldownMs: policy.cooldownSeconds * 1000,
    cooldownScope: policy.cooldownScope as ThresholdConfig['cooldownScope'],
    backoff: policy.backoff as ThresholdConfig['backoff'],
    packMarginPermille: policy.packMarginPercent * 10,
    maxInflow: policy.maxInflow,
    maxOutflow: policy.maxOutflow,
    hostsInReserve: policy.hostsInReserve,
  };
}

/** User 0 is "as the agent runs", not a change of user. */
export const runAs = ({ vms }: Config): { uid: number; gid: number } | undefined =>
  vms.runAs.uid === 0 ? undefined : vms.runAs;

/** The rule with the numbers that hold now: the configuration's, and over them those of the mesh's register. */
export class Policy {
  readonly #config: Config;
  #said: PolicyNumbers = {};
  #now: ThresholdConfig;
  #numbers: ThresholdConfig & { windowMs: number };
  #hash: string;

  constructor(config: Config) {
    this.#config = config;
    this.#now = thresholdConfig(config);
    [this.#numbers, this.#hash] = this.#derived();
  }

  get config(): ThresholdConfig {
    return this.#now;
  }

  /** As decision records carry them: another object after every change. */
  get numbers(): ThresholdConfig & { windowMs: number } {
    return this.#numbers;
  }

  /** Of all that two nodes must have in common to come to the same decision. */
  get hash(): string {
    return this.#hash;
  }

  /** In the configuration's names and units. */
  get values(): PolicyNumbers {
    const { name, ...values } = this.#config.policy;
    return { ...values, ...this.#said };
  }

  /** Which of them the mesh's register says. */
  get said(): string[] {
    return Object.keys(this.#said);
  }

  rule = (view: View): Decision => decide(view, this.#now);

  /** What is wrong with a value of the register here, in sentences; empty = nothing. */
  faultsOf(value: string): string[] {
    const said = policyNumbers(value);
    if (!said) return ['it is no JSON object of numbers and words'];
    if ('name' in said) return ['the rule is named in each configuration'];
    const tried = { policy: { ...this.#config.policy, ...said } };
    const faults = schemaFaults(tried).map(f => `${f.path} ${f.what}`);
    if (faults.length > 0) return faults;
    return thresholdFaults(thresholdConfig({ ...this.#config, ...tried } as Config));
  }

  /** Takes a value of the register. One with faults is left alone: what held before goes on holding. Answers whether it was taken. */
  take(value: string): boolean {
    // Mostly nothing was ever said; to find no fault in that, the schema would be compiled again.
    if (value === '' && this.said.length === 0) return true;
    if (this.faultsOf(value).length > 0) return false;
    this.#said = policyNumbers(value) ?? {};
    const policy = { ...this.#config.policy, ...this.#said };
    this.#now = thresholdConfig({ ...this.#config, policy } as Config);
    [this.#numbers, this.#hash] = this.#derived();
    return true;
  }

  #derived(): [ThresholdConfig & { windowMs: number }, string] {
    // Means over another window are other figures.
    const numbers = { ...this.#now, windowMs: this.#config.windowMs };
    return [numbers, digest16(policyFingerprint(threshold.name, threshold.version, numbers))];
  }
}
