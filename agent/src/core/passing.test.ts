import type { LoadReport } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Passing } from './passing.ts';

const GRACE_MS = 3000;
const vm = { vm: 'v', name: 'web' };
const leaving = { vm: 'v', role: 'source', peer: 'b' };
const report = (node: string, vms: object[] = [], handoffs: object[] = []) =>
  ({ node, vms, handoffs }) as unknown as LoadReport;
const at = (receivedAtMs: number, of: LoadReport) => ({ report: of, receivedAtMs });

/** `a` has given the VM to `b` at 1000 ms. */
function given(): Passing {
  const passing = new Passing(GRACE_MS);
  passing.note(report('a', [vm], [leaving]), at(1000, report('a')));
  return passing;
}
const shown = (passing: Passing, ...newest: ReturnType<typeof at>[]) =>
  passing.rows(newest).map(p => `${p.vm.name} ${p.to}`);

test('a VM that its source lists no more is its target’s until that lists it itself', () => {
  const passing = given();
  assert.equal(shown(passing, at(1000, report('a')), at(900, report('b'))), ['web b']);
  assert.equal(shown(passing, at(1000, report('a')), at(1100, report('b', [vm]))), []);
  assert.equal(shown(passing, at(1000, report('a')), at(1200, report('b'))), [], 'and never again after');
});

test('a report of the target that was on its way does not lose the VM, a late one without it does', () => {
  const passing = given();
  assert.equal(shown(passing, at(1000 + GRACE_MS, report('b'))), ['web b']);
  assert.equal(shown(passing, at(1001 + GRACE_MS, report('b'))), []);
});

test('while its target is silent the VM stays there, and goes with a target that left the mesh', () => {
  const passing = given();
  assert.equal(shown(passing, at(99_999, report('a')), at(900, report('b'))), ['web b']);
  passing.forget('b');
  assert.equal(shown(passing, at(99_999, report('a')), at(900, report('b'))), []);
  assert.equal(
    shown(given(), at(99_999, report('a'))),
    [],
    'nor is it anywhere at a node nobody has heard of',
  );
});

test('only VMs that were on their way out pass on', () => {
  for (const [vms, handoffs, after] of [
    [[vm], [], []],
    [[vm], [{ ...leaving, role: 'target' }], []],
    [[], [leaving], []],
    [[vm], [leaving], [vm]],
  ] as const) {
    const passing = new Passing(GRACE_MS);
    passing.note(report('a', [...vms], [...handoffs]), at(1000, report('a', [...after])));
    assert.equal(shown(passing, at(1000, report('b'))), []);
  }
});

test('a VM that any node lists again is not between two lists', () => {
  const passing = given();
  passing.note(report('b'), at(1100, report('b', [vm])));
  passing.note(report('b', [vm]), at(1200, report('b')));
  assert.equal(shown(passing, at(1000, report('a')), at(1200, report('b'))), []);
});

test.run();
