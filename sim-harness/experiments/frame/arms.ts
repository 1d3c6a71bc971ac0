/** The arms that experiments choose from, and the cluster that each of them runs on. Pure. */
import type { LabOptions } from '../../lab/config.ts';
import type { Arm } from './types.ts';

/** What KVM gave a migration in 2010 (`max_throttle`, migration.c of QEMU 0.12): 2 GB took the paper 60 s by it. */
const KVM_2010_BYTES_PER_SECOND = 32 * 2 ** 20;
/** With it a fluid model comes within 2.5 % of the paper's table 1: its authors' overload seems to have had to last so long. */
const PAPER_HOLD_SECONDS = 8;

export const ARMS = {
  apart: { name: 'apart', isApart: true },
  none: { name: 'none' },
  postcopy: { name: 'postcopy', engine: 'postcopy' },
  precopy: { name: 'precopy', engine: 'precopy' },
  capped: { name: 'capped', engine: 'precopy', capBytesPerSecond: KVM_2010_BYTES_PER_SECOND },
  warm: { name: 'warm', engine: 'postcopy', packingEngine: 'warm' },
  'qemu-postcopy': { name: 'qemu-postcopy', engine: 'qemu-postcopy' },
  'precopy-empty': { name: 'precopy-empty', engine: 'precopy', isEmpty: true },
  'postcopy-hold8': { name: 'postcopy-hold8', engine: 'postcopy', holdSeconds: PAPER_HOLD_SECONDS },
  'precopy-hold8': { name: 'precopy-hold8', engine: 'precopy', holdSeconds: PAPER_HOLD_SECONDS },
  'postcopy-no-backoff': { name: 'postcopy-no-backoff', engine: 'postcopy', backoff: 'off' },
  'precopy-no-backoff': { name: 'precopy-no-backoff', engine: 'precopy', backoff: 'off' },
  'capped-hold8': {
    name: 'capped-hold8',
    engine: 'precopy',
    capBytesPerSecond: KVM_2010_BYTES_PER_SECOND,
    holdSeconds: PAPER_HOLD_SECONDS,
  },
} as const satisfies Record<string, Arm>;

export type ArmName = keyof typeof ARMS;

/** The paper's window, and half of it for a look: rests go with it. */
export const windowMs = (isQuick: boolean): number => (isQuick ? 5000 : 10_000);

/** The window is known: guests rest for so long before a load begins. */
export type StagedLab = LabOptions & { windowMs: number };

/** Each node has a core of its own for its VMs, its agent and its page servers: the comparison that the authors wished for. */
export function labOf(arm: Arm, isQuick: boolean, over: Partial<LabOptions> = {}): StagedLab {
  const { engine, packingEngine = 'postcopy', holdSeconds = 0, capBytesPerSecond = 0, backoff = 'on' } = arm;
  return {
    name: 'paper',
    nodes: 2,
    driver: 'qemu',
    net: 'netns',
    link: '1gbit',
    cores: 'own',
    mode: engine ? 'auto' : 'observe',
    engine: engine ?? 'postcopy',
    windowMs: windowMs(isQuick),
    ...over,
    policy: { holdSeconds, backoff, cooldownSeconds: windowMs(isQuick) / 1000, ...over.policy },
    settings: {
      migration: { packingEngine, bulkBytesPerSecond: capBytesPerSecond, compression: 'off' },
      ...over.settings,
    },
  };
}
