/** How a lab comes to be, is found again, and goes. */
import { ShoalError } from '@shoal/agent';
import { isAlive, startTicks } from '@shoal/agent/edge/vmm/processes';
import { ensureGuestImage, type GuestImage } from '../guest/image.ts';
import { cgroupLayout, type Layout, makeCgroups, missingControllers, switchControllers } from './cgroups.ts';
import { claimName } from './claim.ts';
import { agentConfig, type LabOptions } from './config.ts';
import { type Guard, guardLab } from './harness.ts';
import { Lab } from './lab.ts';
import { freeSubnet, makeBridge, makeClients, makeNode, networkPlan } from './network.ts';
import { checkOptions, placeNode } from './place.ts';
import { mount, mountsFor } from './space.ts';
import { type LabState, labNames, loadLab, saveLab } from './state.ts';
import { teardown } from './teardown.ts';

/** Brings a lab up; what an earlier one of that name left is removed first. The harness's end is the lab's end. */
export async function bringUp(
  options: LabOptions,
  say: (line: string) => void = () => undefined,
): Promise<Lab> {
  checkOptions(options);
  const { name = 'lab' } = options;
  claimName(name);
  const before = loadLab(name);
  refuseInUse(before);
  if (before) {
    say('removing what an earlier run left');
    await teardown(before);
  }
  const image = options.driver === 'qemu' ? await ensureGuestImage({ progress: say }) : undefined;
  const state: LabState = {
    name,
    owner: { pid: process.pid, startTicks: startTicks(process.pid) ?? '' },
    driver: options.driver,
    network: undefined,
    controllers: [],
    mounts: [],
    nodes: [],
    notes: [],
  };
  const root = process.getuid?.() === 0;
  const layout = options.cores === 'none' ? 'none' : cgroupLayout();
  if (options.net === 'netns' && !root)
    state.notes.push('not root: all nodes are on loopback, the links are not shaped');
  if (options.cores !== 'none' && layout === 'none')
    state.notes.push('no cgroups: CPU figures are those of the whole machine');
  const netns = options.net === 'netns' && root;
  if (netns) {
    const others = labNames().flatMap(other => loadLab(other)?.network?.host ?? []);
    state.network = networkPlan(name, options.nodes, await freeSubnet(others), options.link, options);
  }
  if (!state.network && options.link !== 'none') state.notes.push('loopback is not shaped');
  const guard = guardLab(state);
  try {
    saveLab(state);
    for (let i = 0; i < options.nodes; i++) state.nodes.push(await placeNode(state, options, i, layout));
    const lab = new Lab(state, image, guard);
    await make(lab, layout, options, image, guard);
    guard.made();
    for (const node of lab.nodes) await node.ready();
    await lab.converged();
    return lab;
  } catch (error) {
    // What cannot be removed now is in the state file for the next try; why the lab failed matters more.
    await teardown(state).catch((left: Error) => say(left.message));
    guard.failed();
    guard.release();
    throw error;
  }
}

/** Everything is in the state file before it is made. */
async function make(
  lab: Lab,
  layout: Layout,
  options: LabOptions,
  image: GuestImage | undefined,
  guard: Guard,
): Promise<void> {
  const { state } = lab;
  if (layout === 'v2') state.controllers = missingControllers();
  const mounts = state.nodes.flatMap(node => mountsFor(node, options));
  state.mounts = mounts.map(m => m.path);
  saveLab(state);
  for (const one of mounts) mount(one);
  switchControllers(state.controllers, '+');
  if (state.network) await makeBridge(state.network);
  for (const node of state.nodes) {
    guard.check();
    if (state.network) await makeNode(state.network, node.index, options.link);
    if (layout !== 'none') makeCgroups(layout, node.cgroups, node.index, options.cores);
  }
  guard.check();
  if (state.network) await makeClients(state.network, options.link);
  for (const node of lab.nodes) {
    node.writeConfig(agentConfig(node.state, state, options, image));
    node.start();
  }
}

function refuseInUse(state: LabState | undefined): void {
  if (!state?.owner || !isAlive(state.owner)) return;
  const what = `it is in use by process ${state.owner.pid}`;
  throw new ShoalError('SHOAL_LAB_RUNS', what, `lab ${state.name}`, 'End that, or wait for its end');
}

/** Removes a lab from what it wrote down. False when there is none of that name; throws SHOAL_LAB_RUNS. */
export async function takeDown(name: string): Promise<boolean> {
  const state = loadLab(name);
  refuseInUse(state);
  if (state) await teardown(state);
  return state !== undefined;
}

/** A lab that stands already, left running by `lab -- up`. */
export async function openLab(name: string): Promise<Lab> {
  const state = loadLab(name);
  if (!state) throw new ShoalError('SHOAL_LAB_NONE', 'no lab of that name is up', name, 'npm run lab -- up');
  return new Lab(state, state.driver === 'qemu' ? await ensureGuestImage() : undefined);
}
