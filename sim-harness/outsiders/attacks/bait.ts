/** A VM of an attack's own that moves from node0 to node1, slowly: a live handoff between two members, held. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterStatus, HandoffStatus } from '@shoal/agent/edge/http/api.types';
import { inNetns } from '../../lab/network.ts';
import type { Scene } from '../attack.ts';

/** The two nodes that have part in it: who gives the VM away first. */
export const PARTS = ['node0', 'node1'] as const;
const FILLED_MIB = 48;
const REFUSED_MS = 1_000;
/**
 * What it must send takes a minute and a half over this, in which an attack needs two seconds, and forty on a machine that is
 * starved; reports still come in time.
 */
const SLOW = ['root', 'tbf', 'rate', '4mbit', 'burst', '64k', 'latency', '200ms'];

/** Resolves as soon as it was asked for, over a link that is slow until it has `arrived`. Answers the handoff. */
export async function moving(
  { lab }: Scene,
  engine: 'postcopy' | 'precopy' = 'postcopy',
): Promise<{ handoff: string; vm: string }> {
  const { vm } = await lab.runVm('node0', { name: 'bait', memoryMib: 64 });
  await (await lab.guest('bait')).command(`fill ${FILLED_MIB}`);
  await inNetns(lab.node('node0').netns, 'tc', 'qdisc', 'add', 'dev', 'eth0', ...SLOW);
  const { handoff } = await lab
    .node('node0')
    .post<{ handoff: string }>('/v1/vms/bait/actions/migrate', { node: 'node1', engine });
  return { handoff, vm };
}

/** The link is as fast as it was. */
async function letGo({ lab }: Scene): Promise<void> {
  await inNetns(lab.node('node0').netns, 'tc', 'qdisc', 'del', 'dev', 'eth0', 'root').catch(() => undefined);
}

/** How either side sees it. */
export const sidesOf = ({ lab }: Scene, handoff: string): Promise<HandoffStatus[]> =>
  Promise.all(PARTS.map(node => lab.node(node).get<HandoffStatus>(`/v1/handoffs/${handoff}`)));

/** The move that was attacked is let go, and ends as if nothing had been. */
export async function arrived(scene: Scene, handoff: string): Promise<void> {
  await letGo(scene);
  const sides = await scene.until('the move has ended', async () => {
    const now = await sidesOf(scene, handoff);
    return now.every(s => s.outcome !== '') && now;
  });
  const ends = sides.map(s => (s.detail ? `${s.outcome} (${s.detail})` : s.outcome));
  if (ends.join() !== 'done,done')
    return scene.blame(`the move that was attacked ended as ${ends.join(' and ')}`);
  const bad = await (await scene.lab.guest('bait')).verify(100);
  if (bad !== 0) scene.blame(`${bad} pages of its guest are bad`);
}

/**
 * Nothing of it is left, wherever it is by now, and neither node has it in its view: a VM of that name may be made again.
 * A node that is not through with its handoff refuses at first.
 */
export async function removed(scene: Scene): Promise<void> {
  await letGo(scene);
  // Told once: until its next report a node still lists what it has destroyed, and each word more is a row of its audit.
  const destroyed = new Set<string>();
  await scene.until('the VM that was attacked is removed', async () => {
    const left = await Promise.all(
      PARTS.map(async name => {
        const node = scene.lab.node(name);
        const { vms } = await node.get<ClusterStatus>('/v1/status');
        const baits = vms.filter(v => v.name === 'bait');
        if (!destroyed.has(name) && baits.some(v => v.node === name))
          await node.post('/v1/vms/bait/actions/destroy').then(
            () => destroyed.add(name),
            () => sleep(REFUSED_MS),
          );
        return baits.length > 0;
      }),
    );
    return !left.includes(true);
  });
}
