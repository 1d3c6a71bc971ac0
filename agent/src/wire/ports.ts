/** What a wired node needs of the world. The agent gives it the machine; the simulator gives it one in virtual time. */
import type { Clock } from '../edge/clock.ts';
import type { Logger } from '../edge/log.ts';
import type { Mesh, Validate } from '../edge/mesh/types.ts';
import type { Metrics } from '../edge/metrics.ts';
import type { PageServers } from '../edge/pages/types.ts';
import type { MachinePower } from '../edge/power/create.ts';
import type { Seal } from '../edge/registers/seal.ts';
import type { SamplerDeps } from '../edge/sampler/sampler.ts';
import type { VmHost } from '../edge/vmm/types.ts';
import type { State } from '../state.ts';

export type Ports = {
  clock: Clock;
  log: Logger;
  /** A fresh UUID. */
  newId(): string;
  metrics: Metrics;
  /** Of this boot of the machine: another one means that no process of before lives. */
  bootId: string;
  state: State;
  /** This node's key, for the registers that it writes. */
  seal: Seal;
  host: VmHost;
  pageServers: PageServers;
  /** Whether this node can be one end of a post-copy. */
  postcopy: boolean;
  vmmUid: number;
  power: MachinePower;
  /** This life of the agent is over, and the next is to begin: what it believes is older than it can tell. */
  endLife(why: string): void;
  /** What the sampler reads; only `busy` has to be given. */
  sampled: Omit<SamplerDeps, 'clock'>;
  /** Memory that guests may take here, MiB. */
  memoryMib(): number;
  /** Resolves when this node can be reached; `validate` judges every report before it is passed on. */
  joinMesh(validate: Validate): Promise<Mesh>;
  /** Where this node's API answers over TCP; empty when it does not. */
  httpAddress(): string;
  /** Where it answers over HTTPS, and the fingerprint to pin; both empty when it does not. */
  https?(): { address: string; fingerprint: string };
};
