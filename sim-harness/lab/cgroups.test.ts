import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cgroupPlan, missingControllers, processesIn, switchControllers, usedMs } from './cgroups.ts';

function within(look: (dir: string) => void): void {
  const dir = mkdtempSync(join(tmpdir(), 'shoal-cgroups-'));
  try {
    look(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

test('on cgroup v1 a node has a group in each of three hierarchies, and its CPU time is read from cpuacct', () => {
  const plan = cgroupPlan('v1', 'x', 1);
  assert.is(plan.usage, '/sys/fs/cgroup/cpuacct/shoal-x/n1');
  assert.equal(
    plan.vms,
    ['cpu', 'cpuacct', 'cpuset'].map(c => `/sys/fs/cgroup/${c}/shoal-x/n1/vms`),
  );
  assert.is(plan.all.length, 9);
});

test('on cgroup v2 a node has one group with one for its agent and one for its VMs', () => {
  const plan = cgroupPlan('v2', 'x', 0);
  assert.is(plan.usage, '/sys/fs/cgroup/shoal-x/n0');
  assert.equal(plan.agent, ['/sys/fs/cgroup/shoal-x/n0/agent']);
  assert.is(plan.all.length, 3);
});

test('a node without cgroups has none, and its parent group is removed after its children', () => {
  assert.is(cgroupPlan('none', 'x', 0).usage, '');
  const { all } = cgroupPlan('v1', 'x', 0);
  for (const [i, dir] of all.entries()) {
    const children = all.filter(other => other.startsWith(`${dir}/`));
    assert.ok(children.every(child => all.indexOf(child) < i));
  }
});

test('CPU time of a node is read in ms from v1 (ns) and from v2 (µs)', () => {
  within(dir => {
    writeFileSync(join(dir, 'cpu.stat'), 'usage_usec 2500\nuser_usec 1\n');
    assert.is(usedMs(dir), 2.5);
    writeFileSync(join(dir, 'cpuacct.usage'), '7000000\n');
    assert.is(usedMs(dir), 7);
  });
});

test('only controllers that cgroup v2 does not hand on yet are switched on, and off again', () => {
  within(dir => {
    const file = join(dir, 'cgroup.subtree_control');
    writeFileSync(file, 'cpu memory pids\n');
    assert.equal(missingControllers(dir), ['cpuset']);
    switchControllers(['cpuset'], '+', dir);
    assert.is(readFileSync(file, 'utf8'), '+cpuset');
    switchControllers(['cpuset'], '-', dir);
    assert.is(readFileSync(file, 'utf8'), '-cpuset');
  });
});

test('a controller that cannot be switched on is one clear error', () => {
  within(dir => {
    const nowhere = join(dir, 'gone');
    assert.throws(
      () => switchControllers(['cpu'], '+', nowhere),
      (error: { code: string }) => error.code === 'SHOAL_LAB_CGROUP',
    );
    switchControllers(['cpu'], '-', nowhere); // off: there is nothing to lose
  });
});

test('processes of a node are found once each, and nobody in a group that is gone', () => {
  within(dir => {
    writeFileSync(join(dir, 'cgroup.procs'), '12\n34\n12\n');
    assert.equal(processesIn([dir, dir, join(dir, 'gone')]), [12, 34]);
    writeFileSync(join(dir, 'cgroup.procs'), '');
    assert.equal(processesIn([dir]), []);
  });
});

test.run();
