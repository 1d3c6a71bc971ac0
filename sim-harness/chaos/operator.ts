/**
 * What an operator does about a VM that waits for pages which cannot come any more: QEMU 7.2 hangs for good where the
 * recovery of its own post-copy was interrupted (docs/design/qemu-postcopy.md). `shoal resolve VM --from-disk`.
 */
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import { broken } from './checks/streams.ts';
import type { World } from './world.ts';

export class Operator {
  readonly #world: World;
  /** What was ended by that word: VM, node and handoff. */
  readonly resolved: string[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** Only VMs whose stream was broken, and that their node shows as degraded in that very handoff: nothing else is helped. */
  async endWaiting(): Promise<void> {
    const { streams, breaks, lab } = this.#world;
    for (const { handoff, vm, nodes } of broken(streams, breaks)) {
      const node = lab.node(nodes[1]);
      const status = await node.get<ClusterStatus>('/v1/status').catch(() => undefined);
      const degraded = status?.vms.some(v => v.name === vm && v.node === node.name && v.state === 'degraded');
      const live = status?.handoffs.some(h => h.handoff === handoff && h.outcome === '');
      if (!degraded || !live) continue;
      const done = node.post(`/v1/vms/${vm}/actions/resolve`, { word: 'from-disk' }).then(() => true);
      // A node that does not take the word now is asked at the next look.
      if (await done.catch(() => false)) this.resolved.push(`${vm} on ${node.name}, handoff ${handoff}`);
    }
  }
}
