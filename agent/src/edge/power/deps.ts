/** What a node's power needs of the rest of the agent, and of the machine. */
import type { Decision } from '@shoal/policies';
import type { AsleepEntry } from '../../core/power/entry.ts';
import type { FarewellTruth } from '../../core/power/judge-farewell.ts';
import type { OwnOptions } from '../../core/power/own.ts';
import type { PeerOptions } from '../../core/power/peers.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Mesh } from '../mesh/types.ts';
import type { Registers } from '../registers/registers.ts';
import type { Supervised } from './supervised.ts';
import type { PowerPorts } from './types.ts';

export type PowerOptions = {
  own: OwnOptions;
  peers: PeerOptions;
  /** The alarm of last resort, s. */
  alarmS: number;
};

export type PowerDeps = {
  registers: Registers;
  mesh: Pick<Mesh, 'power' | 'blame'>;
  ports: PowerPorts;
  clock: Clock;
  log: Logger;
  newId(): string;
  /** What the rule says now, on this node's view; `awake`: of a node whose entry may be here already. */
  decision(awake?: string): Decision;
  /** Whether this node carries out what the rule says: in auto, not paused, knowing what the others know. */
  acts(): boolean;
  /** No VM runs or is coming, no handoff is under way, no offer is being judged. */
  empty(): boolean;
  owns(vm: string): boolean;
  truth(sleeper: string): Omit<FarewellTruth, 'self' | 'state' | 'decision'>;
  /** Highest life of a node that was ever heard; 0: none. */
  incarnationOf(node: string): number;
  ownEntry(): AsleepEntry;
  /** It may sleep by itself: the driver and the way back were tried on this machine. */
  trusted(): boolean;
  /** Others should hear of a change soon. */
  changed(): void;
  /** This life of the agent is over: what it believes is older than it thinks. */
  endLife(why: string): void;
  /** A peer that this node called is awake; `incarnation`: of its life that slept. */
  woken(node: string, incarnation: number, seconds: number, method: string): void;
  supervised: Supervised;
  /** This machine slept for so long. */
  sleptFor(seconds: number): Promise<void>;
};
