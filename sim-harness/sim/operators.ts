/** Operators with `shoal resolve`, who look at the machines before they give their word. */
import type { Cluster } from './cluster.ts';

/**
 * Ends what nothing else can end (docs/design/qemu-postcopy.md): a guest whose VMM waits for a page and was not told in
 * time to listen for another stream.
 */
export function giveUpPages(cluster: Cluster): void {
  for (const { node, machine } of cluster.agents)
    for (const party of node?.handoffs.parties.live() ?? []) {
      const vmm = machine.vmms.get(party.vm);
      const stuck = vmm?.deaf && vmm.qemu?.phase !== 'serving';
      if (node && stuck && node.api.doubt(party.vm).words.includes('from-disk')) {
        cluster.world.truth.spoilt(party.vm);
        resolve(cluster, machine.name, party.vm, 'from-disk');
      }
    }
}

function resolve(cluster: Cluster, on: string, vm: string, word: 'peer-is-off' | 'from-disk'): void {
  const { world, specs } = cluster;
  world.log.line('world', `${specs.get(vm)?.name} is resolved on ${on}: ${word}`);
  cluster
    .agent(on)
    .node?.api.resolve(vm, word, 'an operator', false)
    .then(
      () => world.happened(`resolve-${word}`),
      error => world.log.line(on, `resolve refused: ${(error as Error).message}`),
    );
}
