import type { LoadReport } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ClusterView } from '../../core/view.ts';
import { clusterStatus, type StatusInputs } from './status.ts';

const web = { vm: 'v', name: 'web', epoch: 1, state: 'running' };
const leaving = { handoff: 'h', vm: 'v', role: 'source', peer: 'b', stage: 'committed' };
const report = (node: string, seq: number, vms: object[], handoffs: object[] = []) =>
  ({ node, name: `node-${node}`, incarnation: 1, seq, vms, handoffs }) as unknown as LoadReport;

/** Where a node that heard these, one after the other and 100 ms apart, says that the VM is. */
function places(...heard: LoadReport[]): string[] {
  const view = new ClusterView({ self: 'a', staleAfterMs: 3000, overloaded: () => false });
  for (const [i, one] of heard.entries()) view.merge(one, i * 100);
  const seen = view.reports(heard.length * 100);
  const rest = {
    members: [],
    own: [],
    asleep: [],
    rest: () => ({}),
    cooldownConfigMs: 0,
  } as unknown as StatusInputs;
  const { vms } = clusterStatus({ ...rest, seen, passing: view.passing() });
  return vms.map(v => `${v.name} ${v.state} on ${v.node}`);
}

test('a VM is shown on exactly one node at every moment of its move, whichever list comes first', () => {
  const here = [report('b', 1, []), report('a', 1, [web], [leaving])];
  const [gone, there] = [report('a', 2, []), report('b', 2, [{ ...web, epoch: 2 }])];
  assert.equal(places(...here), ['web running on node-a']);
  assert.equal(places(...here, gone), ['web running on node-b']);
  assert.equal(places(...here, there), ['web running on node-b']);
  assert.equal(places(...here, gone, there), ['web running on node-b']);
  assert.equal(places(...here, there, gone), ['web running on node-b']);
});

test('a VM that its owner destroyed is shown nowhere', () => {
  assert.equal(places(report('b', 1, []), report('a', 1, [web]), report('a', 2, [])), []);
});

test.run();
