/** Schemas of what answers carry from below: load reports, views, decisions. See `answers.ts`. */
import { count, flag, listOf, mapOf, number, object, oneOf, whole, words } from './schema.ts';

export const mode = oneOf('observe', 'advise', 'auto');
export const engine = oneOf('postcopy', 'warm', 'precopy', 'qemu-postcopy');
const migration = oneOf('postcopy', 'precopy', 'qemu-postcopy', 'never');
export const vmState = oneOf(
  'starting',
  'running',
  'degraded',
  'paused',
  'stopped',
  'crashed',
  'in-doubt',
  'lost',
);
const rates = { diskReadBps: number, diskWriteBps: number, netRxBps: number, netTxBps: number } as const;

const vmLoad = object({
  vm: words,
  name: words,
  epoch: count,
  state: vmState,
  cpuMilli: count,
  cpuNowMilli: count,
  memoryMib: count,
  residentMib: count,
  ...rates,
  vcpus: count,
  migration,
  pinnedMs: number,
  backoffLevel: count,
  backoffMs: number,
});

const handoffLoad = object({
  handoff: words,
  vm: words,
  role: oneOf('source', 'target'),
  peer: words,
  engine,
  stage: words,
  ageMs: number,
  inDoubt: flag,
});

export const loadReport = object({
  node: words,
  name: words,
  incarnation: count,
  seq: count,
  version: words,
  addresses: listOf(words),
  http: words,
  mode,
  policyHash: words,
  cordoned: flag,
  pausedMs: number,
  cores: count,
  cpuPermille: count,
  cpuNowPermille: count,
  windowFull: flag,
  memoryMib: whole,
  memoryFreeMib: whole,
  ...rates,
  sinceRelocationMs: number,
  relocation: words,
  vms: listOf(vmLoad),
  handoffs: listOf(handoffLoad),
  elected: flag,
});

const nodeView = object({
  node: words,
  name: words,
  incarnation: count,
  seq: count,
  ageMs: number,
  state: oneOf('awake', 'stale', 'asleep', 'unwakeable'),
  mode,
  policyHash: words,
  cordoned: flag,
  paused: flag,
  cores: count,
  cpuPermille: count,
  overloadedForMs: number,
  windowFull: flag,
  memoryMib: whole,
  memoryFreeMib: whole,
  elected: flag,
  sinceRelocationMs: number,
  inflow: count,
  outflow: count,
  vms: listOf(
    object({
      vm: words,
      name: words,
      state: vmState,
      cpuMilli: count,
      memoryMib: count,
      migration,
      pinnedMs: number,
      backoffMs: number,
      moving: flag,
      labels: mapOf(words),
    }),
  ),
});
export const view = object({ self: words, nodes: listOf(nodeView) });

const refusalCode = [
  'asleep',
  'claimed',
  'cooldown',
  'pinned',
  'migration-never',
  'moving',
  'backoff',
  'cordoned',
  'paused',
  'fits-memory',
  'fits-cpu',
  'inflow',
  'outflow',
  'stale',
  'policy-differs',
  'window',
  'no-target',
  'no-gain',
  'mode',
  'hold',
  'not-running',
  'anti-affinity',
] as const;

const projected = object({
  node: words,
  cpuBefore: number,
  cpuAfter: number,
  memoryFreeBefore: number,
  memoryFreeAfter: number,
});

export const decision = object({
  moves: listOf(
    object({
      vm: words,
      name: words,
      from: words,
      to: words,
      reason: oneOf('overload', 'consolidate'),
      engine,
      projected: listOf(projected),
      sentence: words,
    }),
  ),
  refusals: listOf(
    object({ code: oneOf(...refusalCode), vm: words, node: words, numbers: mapOf(number), sentence: words }),
  ),
  candidates: listOf(
    object({
      vm: words,
      node: words,
      verdict: oneOf('chosen', 'fits', 'refused'),
      code: oneOf(...refusalCode, ''),
      cpuAfter: number,
      memoryFreeAfter: number,
    }),
  ),
  wake: listOf(object({ node: words, vm: words })),
  suspend: listOf(words),
});
