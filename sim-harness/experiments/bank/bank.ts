/** The paper's third experiment (section 5.3, table 2, figures 23 to 34): a bank in each VM, whose users become more. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clock } from '@shoal/agent/edge/clock';
import { cpuOf } from '../../bench/vmm-cpu.ts';
import type { Lab } from '../../lab/index.ts';
import { ARMS, labOf } from '../frame/arms.ts';
import { diskVms } from '../frame/disk-vms.ts';
import { neededS } from '../frame/moves.ts';
import { twoVms } from '../frame/panels.ts';
import { onStage } from '../frame/stage.ts';
import type { Arm, Experiment, Measured } from '../frame/types.ts';
import { bankFigures, bankSeries, ofApart } from './figures.ts';
import { bankPlan } from './plan.ts';
import { scale } from './scale.ts';
import { originOf, startBank } from './start-bank.ts';
import { startClient } from './start-client.ts';

const VMS = ['vm0', 'vm1'];
const FULL = { memoryMib: 2048, filledMib: 1536 };
const QUICK = { memoryMib: 768, filledMib: 256 };
const GUEST_MEMORY_MIB = 6144;
/** A last answer may come after the end, and a last move. */
const AFTER_MS = 90_000;
const AROUND_S = 110;

export async function runBank(
  arm: Arm,
  isQuick: boolean,
  say: (line: string) => void,
  { factor, cost } = scale(),
): Promise<Measured> {
  const size = isQuick ? QUICK : FULL;
  const options = labOf(arm, isQuick, { guestMemoryMib: GUEST_MEMORY_MIB, vmBridge: true, clients: 1 });
  const places = VMS.map((name, i) => ({ name, node: arm.isApart && i === 1 ? 'node1' : 'node0', ...size }));
  const vms = await diskVms(places, say);
  const plan = bankPlan(factor, isQuick);
  const out = mkdtempSync(join(tmpdir(), 'shoal-bank-'));
  const act = async (stage: Parameters<Parameters<typeof onStage>[3]>[0]) => {
    const origins = originsOf(stage.lab);
    const client = startClient(
      stage.lab.clients[0]?.netns ?? '',
      { plan, origins, cost },
      join(out, 'responses'),
    );
    try {
      say(`users come; figures begin in ${Math.round((client.zeroMs - clock.nowMs()) / 1000)} s`);
      await sleep(Math.max(0, client.zeroMs - clock.nowMs()));
      let usedMs = 0;
      // What is gone has used what it had used when it was seen last.
      stage.begin(() => {
        usedMs = cpuOf(client.pid) ?? usedMs;
        return usedMs;
      });
      await stage.until(plan.untilMs);
      const endMs = stage.atMs;
      const report = await client.done;
      if (arm.engine) await stage.packed(endMs + AFTER_MS);
      const measured = await stage.end(({ moves }) => ({
        ...bankFigures(report, VMS),
        neededS: arm.engine ? neededS(moves, 'node1', endMs) : -1,
        moves: moves.length,
      }));
      return {
        ...measured,
        series: [...measured.series, ...bankSeries(report.responses, VMS, plan.untilMs)],
      };
    } finally {
      client.stop();
    }
  };
  try {
    return await onStage(options, vms, say, act, async (guests, lab) => {
      const origins = originsOf(lab);
      for (const [name, guest] of guests) await startBank(guest, origins[name] ?? '');
    });
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

const originsOf = (lab: Lab): Record<string, string> =>
  Object.fromEntries(VMS.map((name, i) => [name, originOf(lab.vmAddress(i))]));

const PER_SECOND = 40;
const shares = (
  vm: string,
  good: Record<string, number>,
  tolerable: Record<string, number>,
  failed: Record<string, number>,
) => ({
  [`${vm}GoodPct`]: {
    unit: '%',
    meaning: `Of ${vm.toUpperCase()}'s responses those within 2 s.`,
    paper: good,
  },
  [`${vm}TolerablePct`]: { unit: '%', meaning: 'Within 4 s.', paper: tolerable },
  [`${vm}FailedPct`]: { unit: '%', meaning: 'Later, or none.', paper: failed },
  [`${vm}All`]: { unit: '', meaning: 'All that were asked for in the 240 s (60, quick).' },
});

export const bank: Experiment = {
  name: 'bank',
  title: 'A bank in each VM',
  section: '5.3, table 2, figures 23 to 34',
  arms: [ARMS.apart, ARMS.postcopy, ARMS.precopy, ARMS.capped, ARMS.none],
  quickArms: ['apart', 'postcopy'],
  repetitions: 3,
  figures: {
    vm1GoodOfApart: {
      unit: '',
      meaning: "VM1's Good share over the one that it has on a node of its own.",
    },
    vm1ShortOfApart: { unit: '', meaning: 'What is missing there to one.' },
    ...shares(
      'vm0',
      { postcopy: 99.15, capped: 98.11 },
      { postcopy: 0.63, capped: 0.53 },
      { postcopy: 0.22, capped: 1.36 },
    ),
    ...shares(
      'vm1',
      { postcopy: 89.56, capped: 76.51 },
      { postcopy: 6.5, capped: 10.07 },
      { postcopy: 3.94, capped: 13.42 },
    ),
    neededS: { unit: 's', meaning: 'For how long PM1 was needed, of the 240 s.' },
    moves: { unit: '', meaning: 'Moves.' },
    clientCpuS: {
      unit: 's',
      meaning: 'CPU of the process that plays the users; it is no node’s, and nobody else’s.',
    },
    clientLagMs: { unit: 'ms', meaning: 'The longest that this process was late itself.' },
  },
  panels: [
    ...twoVms({ postcopy: 23, capped: 27 }),
    ...VMS.map((vm, i) => ({
      lines: (['good', 'tolerable', 'failed'] as const).map(name => ({ series: `${vm}-${name}`, name })),
      title: `${vm.toUpperCase()}, quality of responses`,
      yLabel: 'responses a second',
      yMax: PER_SECOND,
      paper: { postcopy: 31 + i, capped: 33 + i },
    })),
  ],
  claims: [
    { figure: 'vm1ShortOfApart', less: 'postcopy', by: 0.05 },
    { figure: 'vm1ShortOfApart', less: 'postcopy', than: 'capped', by: -0.1 },
    { figure: 'vm1ShortOfApart', less: 'postcopy', than: 'precopy' },
    { figure: 'vm1ShortOfApart', less: 'precopy', than: 'none' },
    { figure: 'vm1GoodPct', less: 'none', by: 75 },
  ],
  compared: ofApart,
  seconds: (arm, isQuick) => AROUND_S + (isQuick ? 70 : 280) + (arm.engine && !isQuick ? 30 : 0),
  run: runBank,
  remarks: [
    'SPECweb2005 is not free: this is a workload of our own with its pages, their chances and its think times, and its limits of 2 and 4 s. Its figures are no SPEC results.',
    'Users are sent by a process of its own across the shaped network, on no core of its own: there is none left. What it used is listed.',
    'Numbers of sessions and the cost of a page are fixed by a rule before the first arm: the paper’s, or the factor nearest to them with which VM1 is at least 97 % Good on a node of its own, and at most 75 % with both VMs on one node.',
  ],
};
