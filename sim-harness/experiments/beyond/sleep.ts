/**
 * Beyond what the paper measured (its section 4): nodes without VMs sleep, and a peer wakes one when VMs want their share. The
 * machines are played (`amt/machines.ts`): agents are stopped, and woken through a double of Intel AMT.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import { WELL } from '../../amt/knobs.ts';
import { type Machines, startMachines } from '../../amt/machines.ts';
import { certificate } from '../../amt/testing.ts';
import { ARMS, labOf, windowMs } from '../frame/arms.ts';
import { lostS, type Want } from '../frame/demand.ts';
import { overloadedAtS } from '../frame/detection.ts';
import { targetOf } from '../frame/moves.ts';
import { cpuPanel } from '../frame/panels.ts';
import { onStage, type Seen, type Stage } from '../frame/stage.ts';
import type { Arm, Experiment, Measured, Series } from '../frame/types.ts';

const NODES = ['node0', 'node1', 'node2'];
const VMS = ['vm0', 'vm1'];
const [REST_PERCENT, LOW_PERCENT, FULL_PERCENT] = [5, 20, 100];
const FULL = { memoryMib: 1024, filledMib: 512, afterSeconds: 20, busyS: 60 };
const QUICK = { memoryMib: 384, filledMib: 64, afterSeconds: 5, busyS: 20 };
/** What a machine takes from S3, by measurements of others (facts: 3 to 9 s). */
const RESUME_MS = 4000;
const PERIOD_S = 1;
const LOOK_MS = 100;
const SLEEP_MAX_MS = 180_000;

async function run(arm: Arm, isQuick: boolean, say: (line: string) => void): Promise<Measured> {
  const { memoryMib, filledMib, afterSeconds, busyS } = isQuick ? QUICK : FULL;
  const dir = mkdtempSync(join(tmpdir(), 'shoal-sleep-'));
  const passwordFile = join(dir, 'password');
  writeFileSync(passwordFile, `${WELL.password}\n`, { mode: 0o600 });
  let machines: Machines | undefined;
  try {
    const tls = await certificate(dir);
    const options = labOf(arm, isQuick, {
      nodes: NODES.length,
      cores: 'quota',
      policy: { hostsInReserve: 0 },
      sleep: { power: { afterSeconds }, fingerprint: tls.fingerprint, passwordFile },
    });
    const vms = VMS.map((name, i) => ({ name, node: NODES[i] ?? '', memoryMib, filledMib }));
    return await onStage(
      options,
      async lab => {
        machines = await startMachines(lab, tls, { transitionMs: RESUME_MS });
        return vms;
      },
      say,
      async stage => {
        if (!machines) throw new Error('assertion failed: the machines are there');
        return night(stage, machines, busyS, afterSeconds, windowMs(isQuick) / 1000, say);
      },
    );
  } finally {
    await machines?.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Load falls, all but one sleep; load rises, one is woken. */
async function night(
  stage: Stage,
  machines: Machines,
  busyS: number,
  afterSeconds: number,
  windowS: number,
  say: (line: string) => void,
): Promise<Measured> {
  stage.begin();
  await Promise.all(VMS.map(vm => stage.guest(vm).command(`load ${REST_PERCENT}`)));
  const asleep = () => NODES.filter(name => machines.of(name).machine.state() === 4);
  const awake: [number, number][] = [];
  const look = async (until: () => Promise<boolean>, endMs: number) => {
    for (; stage.atMs < endMs && !(await until()); await sleep(LOOK_MS))
      awake.push([stage.atMs / 1000, NODES.length - asleep().length]);
  };
  await look(async () => asleep().length === NODES.length - 1, stage.atMs + SLEEP_MAX_MS);
  const asleepS = stage.atMs / 1000;
  say(`${Math.round(asleepS)} s: ${asleep().join(' and ') || 'nobody'} asleep`);
  const upS = asleepS;
  const wants: Want[] = [
    ...VMS.map(vm => ({ atS: 0, vm, percent: REST_PERCENT })),
    { atS: upS, vm: 'vm0', percent: LOW_PERCENT },
    { atS: upS, vm: 'vm1', percent: FULL_PERCENT },
  ];
  await stage.guest('vm0').command(`load ${LOW_PERCENT}`);
  await stage.guest('vm1').command(`load ${FULL_PERCENT}`);
  const host = NODES.find(name => !asleep().includes(name)) ?? '';
  const endMs = stage.atMs + busyS * 1000;
  await look(async () => {
    const { nodes } = await stage.lab.node(host).get<ClusterStatus>('/v1/status');
    return nodes.filter(node => node.state === 'awake').length > 1;
  }, endMs);
  const helloS = stage.atMs < endMs ? stage.atMs / 1000 : -1;
  await look(async () => false, endMs);
  await stage.settled();
  const measured = await stage.end(seen => {
    return figures(seen, { upS, asleepS, helloS, afterSeconds, windowS, wants });
  });
  const series: Series = { name: 'awake', points: awake };
  return { ...measured, series: [...measured.series, series] };
}

type Night = {
  upS: number;
  asleepS: number;
  /** The woken node was heard. */
  helloS: number;
  afterSeconds: number;
  windowS: number;
  wants: readonly Want[];
};

function figures(
  { series, moves, handoffs }: Seen,
  { upS, asleepS, helloS, afterSeconds, windowS, wants }: Night,
): Record<string, number> {
  const pack = moves.find(move => move.reason === 'consolidate');
  const out = moves.find(move => move.reason === 'overload' && move.decidedAtMs / 1000 >= upS);
  const host = pack?.to ?? NODES[0] ?? '';
  const detectS = overloadedAtS(series, host, VMS, upS, windowS) - upS;
  const source = handoffs.find(h => h.role === 'source' && h.name === out?.vm && h.reason === 'overload');
  const target = source && targetOf(source, handoffs);
  const prepareS = source && target ? (source.at.migrate - source.at.decided) / 1000 : -1;
  const reliefS = out ? out.switchedAtMs / 1000 - upS : -1;
  const wakeS = helloS >= 0 ? helloS - upS - detectS : -1;
  const isWhole = reliefS >= 0 && prepareS >= 0 && detectS >= 0 && wakeS >= 0;
  return {
    packedS: pack ? pack.switchedAtMs / 1000 : -1,
    asleepS,
    lateToSleepS: pack
      ? asleepS - (pack.switchedAtMs + Math.max(0, pack.transferMs)) / 1000 - afterSeconds
      : -1,
    detectS,
    wakeS,
    prepareS,
    reliefS,
    overS: isWhole ? reliefS - detectS - wakeS - PERIOD_S - prepareS : -1,
    vm1LostS: lostS(series, 'vm1', wants, upS, upS + 60),
    moves: moves.length,
  };
}

export const sleepers: Experiment = {
  name: 'sleep',
  title: 'Nodes without VMs sleep, and are woken',
  section: 'its section 4, which has no measurements',
  arms: [ARMS.postcopy, ARMS.precopy],
  quickArms: ['postcopy'],
  repetitions: 3,
  figures: {
    packedS: { unit: 's', meaning: 'Load falls → both VMs run on one node.' },
    asleepS: { unit: 's', meaning: 'Load falls → all but one node sleep.' },
    lateToSleepS: { unit: 's', meaning: 'Of that, what is beyond packing and the slow window.' },
    detectS: { unit: 's', meaning: 'Load rises → by our own reckoning the rule is due.' },
    wakeS: {
      unit: 's',
      meaning:
        'From there → a report of the woken node is heard. The played machine takes four seconds of it.',
    },
    prepareS: { unit: 's', meaning: 'Decision → the target is ready and the source commands its VMM.' },
    reliefS: { unit: 's', meaning: 'Load rises → a VM runs on the woken node.' },
    overS: {
      unit: 's',
      meaning:
        'What relief takes beyond detection, wake, one period and preparing: at most what the switch takes.',
    },
    vm1LostS: {
      unit: 's',
      meaning: 'Work that VM1 did not get in its minute of 100 %, in seconds of a core.',
    },
    moves: { unit: '', meaning: 'Moves.' },
  },
  panels: [
    {
      lines: [{ series: 'awake', name: 'awake' }],
      title: 'Nodes that are awake',
      yLabel: 'nodes',
      yMax: NODES.length,
    },
    ...NODES.map((node, i) => cpuPanel(node, `PM${i}`)),
  ],
  claims: [{ figure: 'overS', less: 'postcopy', by: 0 }],
  seconds: (_arm, isQuick) => (isQuick ? 120 : 260),
  run,
  remarks: [
    'The paper measured no sleep. The machines here are played: an agent is stopped and let go on, four seconds after its double of an AMT was asked. Real S3 is in `npm run test:s3`.',
  ],
};
