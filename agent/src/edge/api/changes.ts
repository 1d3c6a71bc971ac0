/** What people may change on this node: each as a sentence that says what it would do, and the doing of it. */
import type { Engine, Mode } from '@shoal/protocol';
import { ShoalError } from '../../errors.ts';
import type { Moving, Would } from '../http/api.types.ts';
import type { PageWishes } from '../pages/types.ts';
import type { Flags } from '../registers/flags.ts';
import { type ActionsDeps, manualMove, newVm, ownedVm } from './actions.ts';

/** Made only when nothing hinders it, as far as this node can know without doing it. */
export type Change<T> = { would: string; act(): Promise<T> };

export type ChangesDeps = ActionsDeps & {
  /** The running handoff of the VM of that name or id in which this node has a part. */
  underWay(
    name: string,
  ): { vm: string; name: string; role: string; source: string; target: string } | undefined;
  cancel(vm: string): void;
  flags: Pick<Flags, 'cordon' | 'pause' | 'resume' | 'pausedElsewhere' | 'setMode'>;
  /** Throws SHOAL_PAUSE_TTL. */
  checkPause(ttlMs: number): void;
  pinMs: number;
  powerdownMs: number;
};

const nothing = async (work: Promise<unknown>): Promise<undefined> => void (await work);
const minutes = (ms: number): string => `${Math.round(ms / 60_000)} min`;

export async function runChange(
  spec: unknown,
  deps: ChangesDeps,
): Promise<Change<{ vm: string; name: string }>> {
  const { vm, create } = await newVm(spec, deps);
  const { memoryMib, vcpus, name } = vm;
  return {
    would: `create ${name} on ${deps.nodeName} and start it: ${vcpus} vCPU(s), ${memoryMib} of ${deps.freeMib()} MiB`,
    async act() {
      await create();
      return { vm: vm.vm, name };
    },
  };
}

export function startChange(name: string, deps: ChangesDeps): Change<undefined> {
  const owned = ownedVm(name, deps);
  deps.vms.mayStart(owned);
  return {
    would: `start ${owned.record.spec.name} again on ${deps.nodeName}; it is ${owned.state}`,
    act: async () => {
      deps.needed(owned.record.spec.name);
      return nothing(deps.vms.startAgain(owned));
    },
  };
}

export function stopChange(name: string, deps: ChangesDeps): Change<{ forced: boolean }> {
  const owned = ownedVm(name, deps);
  deps.vms.mayEnd(owned);
  const seconds = deps.powerdownMs / 1000;
  return {
    would: `ask ${owned.record.spec.name} on ${deps.nodeName} to power down, and end it after ${seconds} s`,
    act: () => deps.vms.stop(owned),
  };
}

export function destroyChange(name: string, deps: ChangesDeps): Change<undefined> {
  const owned = ownedVm(name, deps);
  deps.vms.mayEnd(owned);
  const { spec } = owned.record;
  return {
    would: `end ${spec.name} on ${deps.nodeName} at once, and forget it; its ${spec.disks.length} disk(s) stay`,
    act: () => nothing(deps.vms.destroy(owned)),
  };
}

export function migrateChange(
  name: string,
  node: string | undefined,
  engine: Engine | undefined,
  deps: ChangesDeps,
  wishes?: PageWishes,
): Change<Moving> {
  const { owned, target, wanted, offer } = manualMove(name, node, engine, deps, wishes);
  const pin = deps.pinMs > 0 ? `, and pin it there for ${minutes(deps.pinMs)}` : '';
  return {
    would: `offer ${owned.record.spec.name} to ${target.name} by ${wanted}${pin}; that node may refuse it`,
    async act() {
      const { handoff } = await offer();
      return { handoff, source: deps.nodeName, node: target.name, pinnedMs: deps.pinMs };
    },
  };
}

/** Either side may: what it has promised, or is somebody else's to decide, it goes on with (handoff.md). */
export function cancelChange(name: string, deps: ChangesDeps): Change<undefined> {
  const moving = deps.underWay(name);
  if (!moving) {
    const { spec } = ownedVm(name, deps).record;
    throw new ShoalError('SHOAL_VM_SETTLED', 'no handoff of the VM is running', spec.name, 'See `shoal vms`');
  }
  const { vm, role, source, target } = moving;
  return {
    would:
      role === 'source'
        ? `give up the handoff of ${moving.name} to ${target}, unless it is committed`
        : `give up taking ${moving.name} from ${source}, unless it is here already`,
    act: async () => deps.cancel(vm) as undefined,
  };
}

export function unpinChange(name: string, deps: ChangesDeps): Change<undefined> {
  const { spec } = ownedVm(name, deps).record;
  return {
    would: `let the rule move ${spec.name} again`,
    act: () => nothing(deps.vms.pin(spec.vm, 0)),
  };
}

export const cordonChange = (on: boolean, { flags, nodeName }: ChangesDeps): Change<undefined> => ({
  would: on ? `let no VM come to ${nodeName}` : `let VMs come to ${nodeName} again`,
  act: () => nothing(flags.cordon(on)),
});

export function pauseChange(ttlMs: number, { flags, checkPause }: ChangesDeps): Change<undefined> {
  checkPause(ttlMs);
  return {
    would: `let the rule move nothing in the whole mesh for ${Math.round(ttlMs / 1000)} s`,
    act: () => nothing(flags.pause(ttlMs)),
  };
}

/** A pause belongs to the node that it was asked for on; asked elsewhere, say where. */
export const resumeChange = ({ flags, status, nodeName }: ChangesDeps): Change<undefined> => ({
  would: `end the pause that was asked for on ${nodeName}`,
  async act() {
    await flags.resume();
    const elsewhere = flags.pausedElsewhere();
    if (elsewhere.length === 0) return;
    const { nodes } = status();
    const names = elsewhere.map(({ id, name }) => nodes.find(n => n.id === id)?.name || name || id);
    throw new ShoalError(
      'SHOAL_PAUSED_ELSEWHERE',
      `${nodeName} is not paused any more, but ${names.join(', ')} still is, and all respect that`,
      nodeName,
      'Resume there too',
    );
  },
});

export const modeChange = (mode: Mode, { flags, nodeName }: ChangesDeps): Change<undefined> => ({
  would: `set the mode of ${nodeName} to ${mode}, whatever its configuration says`,
  act: () => nothing(flags.setMode(mode)),
});

/** `tell`: awaited after the doing, also after a failed one: whoever changed something sees it when they look next. */
export async function made<T>(
  change: Change<T> | Promise<Change<T>>,
  dry: boolean,
  tell: () => Promise<void>,
): Promise<T | Would> {
  const { would, act } = await change;
  if (dry) return { would };
  try {
    return await act();
  } finally {
    await tell();
  }
}
