/** The paper's first experiment (sections 5.1.1 and 5.1.2, figures 3 to 14): VM0 at 20 %, VM1 in steps of 0, 50, 100, 50, 0 %. */
import { staircaseMs, VM0_PERCENT, vm1Percent } from '../../demo/staircase.ts';
import { ARMS, labOf, windowMs } from '../frame/arms.ts';
import { twoVms } from '../frame/panels.ts';
import { onStage, type Stage } from '../frame/stage.ts';
import type { Arm, Experiment, Measured } from '../frame/types.ts';
import { stairFigures } from './figures.ts';

/** The paper's 2 GB and 60 s a step; three quarters are filled, the rest the guest's own. */
const FULL = { stepMs: 60_000, memoryMib: 2048, filledMib: 1536 };
const QUICK = { stepMs: 15_000, memoryMib: 512, filledMib: 256 };
/** After the last step: a window, a cooldown, and the slowest move there is. */
const REST_MS = { full: 100_000, quick: 20_000 };
/** Both guests boot, fill their memory, and check it at the end. */
const AROUND_S = { full: 75, quick: 40 };
const GUEST_MEMORY_MIB = 6144;

async function run(arm: Arm, isQuick: boolean, say: (line: string) => void): Promise<Measured> {
  const { stepMs, memoryMib, filledMib } = isQuick ? QUICK : FULL;
  const vms = ['vm0', 'vm1'].map(name => ({
    name,
    node: 'node0',
    memoryMib,
    filledMib: arm.isEmpty ? 0 : filledMib,
  }));
  return onStage(
    labOf(arm, isQuick, { guestMemoryMib: GUEST_MEMORY_MIB }),
    async () => vms,
    say,
    async stage => {
      stage.begin();
      await stage.guest('vm0').command(`load ${VM0_PERCENT}`);
      await climb(stage, stepMs, say);
      await stage.packed(staircaseMs(stepMs) + (isQuick ? REST_MS.quick : REST_MS.full));
      return stage.end(seen => stairFigures(seen, stepMs, windowMs(isQuick) / 1000));
    },
  );
}

async function climb(stage: Stage, stepMs: number, say: (line: string) => void): Promise<void> {
  for (let atMs = 0; atMs < staircaseMs(stepMs); atMs += stepMs) {
    await stage.until(atMs);
    const percent = vm1Percent(atMs, stepMs);
    say(`${Math.round(atMs / 1000)} s: vm1 wants ${percent} %`);
    await stage.guest('vm1').command(`load ${percent}`);
  }
  await stage.until(staircaseMs(stepMs));
}

export const staircase: Experiment = {
  name: 'staircase',
  title: 'A staircase of load',
  section: '5.1.1 and 5.1.2, figures 3 to 14',
  arms: [ARMS.postcopy, ARMS.precopy, ARMS.capped, ARMS['precopy-empty'], ARMS.warm],
  quickArms: ['postcopy'],
  repetitions: 3,
  figures: {
    detectS: {
      unit: 's',
      meaning: 'VM1 wants 100 % → the rule decides to move VM0 away. The paper: just under ten seconds.',
      paper: { postcopy: 10, capped: 10 },
    },
    ruleLagS: {
      unit: 's',
      meaning:
        'The first sample by which the rule is due, by our own reckoning → it decides. One period at most.',
    },
    prepareS: { unit: 's', meaning: 'Decision → the target is ready and the source commands its VMM.' },
    reliefS: {
      unit: 's',
      meaning: 'Decision → VM0 runs on PM1, and PM0 is relieved.',
      paper: { postcopy: 1, capped: 60 },
    },
    overloadS: {
      unit: 's',
      meaning: 'VM1 wants 100 % → VM0 runs on PM1.',
      paper: { postcopy: 11, capped: 70 },
    },
    vm1LostS: { unit: 's', meaning: 'Work that VM1 did not get in its step of 100 %, in seconds of a core.' },
    packDetectS: {
      unit: 's',
      meaning: 'VM1 wants 0 % → the rule decides to pack.',
      paper: { postcopy: 10, capped: 10 },
    },
    packedS: {
      unit: 's',
      meaning: 'VM1 wants 0 % → all memory is on one node again, and the other could sleep.',
      paper: { postcopy: 40 },
    },
    neededS: { unit: 's', meaning: 'For how long PM1 was needed.' },
    moves: { unit: '', meaning: 'Moves; the rule asks for two.' },
  },
  panels: twoVms({ postcopy: 3, capped: 7, 'precopy-empty': 11 }),
  claims: [
    // One period of the rule, and what the two clocks of a sample and of a decision may lie apart.
    ...['postcopy', 'precopy', 'capped'].map(less => ({ figure: 'ruleLagS', less, by: 1.1 })),
    { figure: 'overloadS', less: 'postcopy', than: 'precopy' },
    { figure: 'overloadS', less: 'precopy', than: 'capped' },
    { figure: 'vm1LostS', less: 'postcopy', than: 'precopy' },
  ],
  seconds: (arm, isQuick) =>
    isQuick
      ? staircaseMs(QUICK.stepMs) / 1000 + AROUND_S.quick
      : staircaseMs(FULL.stepMs) / 1000 + AROUND_S.full + (arm.capBytesPerSecond ? 60 : 20),
  run,
  remarks: [
    "The paper's page server ran on a second core, so that its PM0 goes up to 200 % in figure 3; here it shares the one core of its node with the VMs.",
    "The paper's pre-copy of 2 GB took about 60 s, which is the cap of KVM at the time (32 MB/s): that is the arm capped. precopy has all of the link.",
    'precopy-empty: guests whose memory nobody has written, so that QEMU leaves out their pages of zeros, as in figures 11 to 14. QEMU 7.2 cannot be told to send them; in all other arms three quarters of the memory are noise.',
    'warm: as it is installed. Out of an overload it goes by post-copy; to pack, the memory goes ahead.',
  ],
};
