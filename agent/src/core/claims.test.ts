import type { LoadReport } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { claims, rivals } from './claims.ts';

type Handoff = { vm: string; role: string; stage: string };
const seen = (name: string, epoch: number, stale = false, handoffs: Handoff[] = []) => ({
  report: { name, vms: [{ vm: 'v', name: 'vm0', epoch }], handoffs } as unknown as LoadReport,
  stale,
});
const committed: Handoff = { vm: 'v', role: 'source', stage: 'committed' };
const shown = (...all: ReturnType<typeof seen>[]) => claims(all).map(c => c.seen.report.name);

test('a VM whose memory still leaves its source is shown at its target alone', () => {
  assert.equal(shown(seen('a', 1, false, [committed]), seen('b', 2)), ['b']);
  assert.equal(rivals([seen('a', 1, false, [committed]), seen('b', 2)]), []);
});

test('a VM that nobody has taken over yet is shown at its source, whatever the stage', () => {
  assert.equal(shown(seen('a', 1, false, [committed])), ['a']);
});

test('a node that fell silent after it gave a VM away does not claim it for ever', () => {
  assert.equal(shown(seen('a', 1, true), seen('b', 2)), ['b']);
});

test('a VM of a silent node that nobody else has is still shown there', () => {
  assert.equal(shown(seen('a', 1, true)), ['a']);
});

test('two living nodes that claim one VM, with no move between them, are both shown and told of', () => {
  for (const [one, other] of [
    [seen('a', 1), seen('b', 2)],
    [seen('a', 2), seen('b', 2, true)],
    [seen('a', 1, false, [{ ...committed, role: 'target' }]), seen('b', 2)],
    [seen('a', 1, false, [{ ...committed, vm: 'w' }]), seen('b', 2)],
  ] as const) {
    assert.equal(shown(one, other), ['a', 'b']);
    assert.equal(
      rivals([one, other]).map(r => [r.vm.name, r.nodes]),
      [['vm0', ['a', 'b']]],
    );
  }
});

test.run();
