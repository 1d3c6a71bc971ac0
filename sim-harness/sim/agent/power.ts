/** Sleep and wake of a simulated machine: asleep it does nothing, its memory stays, and whoever reaches it over the network wakes it. */
import { ShoalError } from '@shoal/agent';
import type { Ports } from '@shoal/agent/wire/ports';
import type { World } from '../world/world.ts';
import type { Life } from './life.ts';

/** S3 takes so long; a machine that wakes from it is there again after as long. */
const SUSPEND_MS = [50, 700] as const;
const WAKE_MS: [number, number] = [500, 6000];
const LOOK_MS = 1000;

export type SleepDeeds = {
  /** This agent's machine is asleep from now on. */
  suspend(): void;
  /** False: nothing there sleeps. */
  wake(name: string): boolean;
};

export function simPower(world: World, life: Life, deeds: SleepDeeds): Ports['power'] {
  const { machine } = life;
  return {
    bootMs: () => machine.nowMs(),
    hardware: machine.name,
    alarm: async () => undefined,
    suspend: {
      name: 'simulated',
      faults: async () => [],
      suspend: () =>
        life.call('power', 'suspend', SUSPEND_MS, async () => {
          if (world.strikes('suspend-refused')) return { suspended: false, why: 'a task did not freeze' };
          deeds.suspend();
          // This life of the agent has ended with it.
          return new Promise<never>(() => undefined);
        }),
    },
    canWake: () => true,
    methods: name => [
      {
        name: 'amt',
        wake: (signal, taken) =>
          new Promise((resolve, reject) => {
            const ask = (): void => {
              if (signal.aborted) return reject(new ShoalError('SHOAL_WAKE_LATE', 'not in time', name, ''));
              const reached = network(world, machine.id, name);
              // It says yes, and nothing happens: AMT does so.
              if (reached && !world.strikes('wake-lost'))
                life.later(world.chance.between(...WAKE_MS), () => deeds.wake(name));
              if (!reached) return life.later(LOOK_MS, ask);
              taken();
              resolve('asked to wake');
            };
            ask();
          }),
      },
    ],
  };
}

const network = (world: World, from: string, name: string): boolean =>
  world.network.connects(from, world.machine(name).id);
