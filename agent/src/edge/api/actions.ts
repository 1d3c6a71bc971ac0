/** Creating a VM and moving one by hand: what must hold before, and one clear error where it does not. */
import { randomUUID } from 'node:crypto';
import { type Engine, movesPages, VMS_MAX, type VmSpec } from '@shoal/protocol';
import { chooseEngine, type EngineWants } from '../../core/choose-engine.ts';
import { ShoalError } from '../../errors.ts';
import type { ClusterStatus, NodeStatus } from '../http/api.types.ts';
import type { OfferAnswer } from '../mind/decider.ts';
import type { PageWishes } from '../pages/types.ts';
import { parseVmSpec } from '../vmm/spec.ts';
import type { OwnedVm } from '../vms/record.ts';
import type { Vms } from '../vms/vms.ts';

export type ManualOffer = {
  owned: OwnedVm;
  target: NodeStatus;
  engine: Engine;
  wishes: PageWishes | undefined;
};

export type ActionsDeps = {
  nodeName: string;
  vms: Vms;
  status(): ClusterStatus;
  freeMib(): number;
  engines: EngineWants;
  /** Whether this node can be one end of a post-copy. */
  postcopy: boolean;
  /** A VM is to run here. Throws SHOAL_SLEEP_BUSY. */
  needed(why: string): void;
  offer(request: ManualOffer): Promise<OfferAnswer & { handoff: string }>;
};

/** `value` is the parsed spec file, not checked yet. Rejects when this node may not run that. */
export async function newVm(
  value: unknown,
  deps: ActionsDeps,
): Promise<{ vm: VmSpec; create(): Promise<void> }> {
  const vm = parseVmSpec(value, randomUUID());
  const admit = () => mustHaveRoom(vm, deps);
  admit();
  await deps.vms.judge(vm);
  const create = () => {
    deps.needed(vm.name);
    return deps.vms.create(vm, admit);
  };
  return { vm, create };
}

function mustHaveRoom({ name, memoryMib }: VmSpec, deps: ActionsDeps): void {
  // What is known here this very moment goes before what this node last reported.
  const own = deps.vms.find(name);
  const clash = own
    ? { state: own.state, node: deps.nodeName }
    : deps.status().vms.find(v => v.name === name && v.node !== deps.nodeName);
  if (clash) {
    throw new ShoalError(
      'SHOAL_VM_NAME_TAKEN',
      `a VM of that name is ${clash.state} on ${clash.node}`,
      name,
      'Choose another name, or destroy that VM first',
    );
  }
  const count = deps.vms.list().length;
  if (count >= VMS_MAX) {
    throw new ShoalError(
      'SHOAL_NODE_FULL',
      `${deps.nodeName} has ${count} VMs, stopped ones included, and no more fit into its report`,
      name,
      'Run it on another node, or destroy a VM that is not needed',
    );
  }
  const freeMib = deps.freeMib();
  if (memoryMib > freeMib) {
    throw new ShoalError(
      'SHOAL_NODE_FULL',
      `it needs ${memoryMib} MiB, ${freeMib} MiB are free for guests on ${deps.nodeName}`,
      name,
      'Run it on another node, or give it less memory',
    );
  }
}

/** The VM of that name or UUID, which must be on this node. */
export function ownedVm(name: string, deps: ActionsDeps): OwnedVm {
  const owned = deps.vms.find(name);
  if (owned) return owned;
  const { vms, nodeId } = deps.status();
  // Its own last report may still name a VM that has just left.
  const elsewhere = vms.find(v => v.nodeId !== nodeId && (v.name === name || v.vm === name));
  if (elsewhere) {
    throw new ShoalError(
      'SHOAL_VM_ELSEWHERE',
      `the VM is on ${elsewhere.node}, and only its node may change it`,
      name,
      `Ask on ${elsewhere.node}`,
    );
  }
  throw new ShoalError('SHOAL_VM_UNKNOWN', 'no VM has that name', name, 'See `shoal vms`');
}

const notRunning = ({ record, state }: OwnedVm, todo: string): ShoalError =>
  new ShoalError('SHOAL_VM_NOT_RUNNING', `the VM is ${state}`, record.spec.name, todo);

/** The VM of that name or UUID, which must have a VMM on this node. */
export function runningVm(name: string, deps: ActionsDeps): OwnedVm {
  const owned = ownedVm(name, deps);
  if (!owned.vmm) throw notRunning(owned, 'Start it first');
  return owned;
}

/** A VM of this node to a peer by hand; the target judges it like any other. Throws when nothing can come of it. */
export function manualMove(
  name: string,
  node: string | undefined,
  engine: Engine | undefined,
  deps: ActionsDeps,
  wishes?: PageWishes,
): { owned: OwnedVm; target: NodeStatus; wanted: Engine; offer(): Promise<{ handoff: string }> } {
  const owned = ownedVm(name, deps);
  const { spec } = owned.record;
  if (spec.migration === 'never') {
    throw new ShoalError(
      'SHOAL_VM_FIXED',
      'its spec says migration: never',
      name,
      'Change the spec, or leave it',
    );
  }
  deps.vms.mayEnd(owned);
  if (!owned.vmm || owned.state !== 'running') throw notRunning(owned, 'Only a running VM can be moved');
  const target = chooseTarget(node, spec, deps);
  const wanted = engineFor(spec, engine, deps);
  mayWish(wanted, wishes, name);
  const offer = async () => {
    const answer = await deps.offer({ owned, target, engine: wanted, wishes });
    if (answer.accepted) return { handoff: answer.handoff };
    throw new ShoalError(
      'SHOAL_OFFER_REFUSED',
      `${target.name} refused it (${answer.code}): ${answer.detail}`,
      name,
      'See `shoal explain` on the target, or choose another node',
    );
  };
  return { owned, target, wanted, offer };
}

/** The spec's word is not overruled: whoever refused the risk of post-copy meant moves by hand too. */
function engineFor(spec: VmSpec, asked: Engine | undefined, deps: ActionsDeps): Engine {
  const { migration, name, driver } = spec;
  const fault = (what: string, todo: string) => new ShoalError('SHOAL_VM_ENGINE', what, name, todo);
  const postcopy = asked !== undefined && asked !== 'precopy';
  if (postcopy && migration === 'precopy')
    throw fault('its spec says migration: precopy', 'Move it by precopy, or change the spec');
  if (postcopy && !deps.postcopy)
    throw fault(`post-copy does not work on ${deps.nodeName}`, 'See `shoal doctor`, or move it by precopy');
  if (asked === 'qemu-postcopy' && driver !== 'qemu')
    throw fault('its VMM has no post-copy of its own', 'Move it by postcopy or precopy');
  return asked ?? chooseEngine(spec, deps.engines, 'manual', deps.postcopy);
}

/** A wish that nothing would come of is refused, not passed over. */
function mayWish(engine: Engine, wishes: PageWishes | undefined, name: string): void {
  const [wish] = Object.entries(wishes ?? {}).find(([, value]) => value !== undefined) ?? [];
  if (!wish || movesPages(engine)) return;
  throw new ShoalError(
    'SHOAL_VM_ENGINE',
    `${wish} is a matter of pages, and under ${engine} its VMM moves its memory`,
    name,
    'Leave that out, or move it by postcopy or warm',
  );
}

/** The named node, or the awake peer with the least CPU on which the VM fits. */
function chooseTarget(node: string | undefined, spec: VmSpec, deps: ActionsDeps): NodeStatus {
  const { nodes, nodeId } = deps.status();
  if (node === undefined) {
    const fits = nodes.filter(
      n => n.id !== nodeId && n.state === 'awake' && !n.cordoned && n.memoryFreeMib >= spec.memoryMib,
    );
    const [best] = fits.sort((a, b) => a.cpuPercent - b.cpuPercent || (a.id < b.id ? -1 : 1));
    if (best) return best;
    throw new ShoalError('SHOAL_NO_TARGET', 'no awake peer has room for it', spec.name, 'See `shoal nodes`');
  }
  const target = nodes.find(n => n.name === node || n.id === node);
  const fault = (code: string, what: string, todo: string) => new ShoalError(code, what, node, todo);
  if (!target) throw fault('SHOAL_NODE_UNKNOWN', 'no node has that name', 'See `shoal nodes`');
  if (target.id === nodeId) throw fault('SHOAL_NODE_SAME', `${spec.name} is there already`, '');
  if (target.state !== 'awake')
    throw fault('SHOAL_NODE_SILENT', `that node is ${target.state}`, 'See `shoal nodes`');
  if (target.memoryFreeMib < spec.memoryMib) {
    const detail = `${spec.name} needs ${spec.memoryMib} MiB, ${target.memoryFreeMib} MiB are free there`;
    throw fault('SHOAL_NODE_FULL', detail, 'Choose another node');
  }
  return target;
}
