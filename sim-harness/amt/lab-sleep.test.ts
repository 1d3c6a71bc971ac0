/** Real agents that sleep by themselves, played machines, the real way through a double of their AMT. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterStatus, NodeStatus } from '@shoal/agent/edge/http/api.types';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bringUp, type Lab, type LabNode } from '../lab/index.ts';
import { WELL } from './knobs.ts';
import { type Machines, startMachines } from './machines.ts';
import { certificate } from './testing.ts';

const ASLEEP_S3 = 4;
const dir = mkdtempSync(join(tmpdir(), 'shoal-lab-sleep-'));
const passwordFile = join(dir, 'password');
writeFileSync(passwordFile, `${WELL.password}\n`, { mode: 0o600 });
const tls = await certificate(dir);
let lab: Lab;
let machines: Machines;

test.before(async () => {
  lab = await bringUp({
    ...{
      name: `sl${process.pid % 10_000_000}`,
      nodes: 2,
      driver: 'micro',
      net: 'netns',
      link: 'none',
      cores: 'none',
      windowMs: 2000,
    },
    policy: { cooldownSeconds: 2 },
    sleep: {
      power: { afterSeconds: 2, answerSeconds: 3, wakeLateSeconds: 2, wakeTimeoutSeconds: 6, wakeTries: 9 },
      fingerprint: tls.fingerprint,
      passwordFile,
    },
  });
  machines = await startMachines(lab, tls, { transitionMs: 200 });
});
test.after(async () => {
  await machines?.stop();
  await lab?.down();
  rmSync(dir, { recursive: true, force: true });
});

const names = ['node0', 'node1'];
const isAsleep = (name: string): boolean => machines.of(name).machine.state() === ASLEEP_S3;

/** One of them sleeps: which, and the other one, who tells of it. */
async function asleep(): Promise<{ name: string; waker: LabNode; seen(): Promise<NodeStatus> }> {
  await until(() => names.some(isAsleep), 40_000, 'a node sleeps');
  const name = names.find(isAsleep) ?? '';
  const waker = lab.node(names.find(one => one !== name) ?? '');
  const seen = async () => {
    const { nodes } = await waker.get<ClusterStatus>('/v1/status');
    return nodes.find(node => node.name === name) as NodeStatus;
  };
  await until(async () => (await seen()).state === 'asleep', 5000, 'the other one knows');
  return { name, waker, seen };
}

/** Calls come two at once and then one in ten seconds. */
async function call(waker: LabNode, name: string): Promise<void> {
  await until(
    () =>
      waker.post(`/v1/nodes/${name}/actions/wake`).then(
        () => true,
        error => {
          if (error.code !== 'SHOAL_WAKE_BUSY') throw error;
          return false;
        },
      ),
    30_000,
    `${name} is called`,
  );
}

async function until(what: () => boolean | Promise<boolean>, ms: number, words: string): Promise<void> {
  for (const end = performance.now() + ms; !(await what()); await sleep(50))
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${words}`);
}

const logOf = (node: LabNode): string => readFileSync(node.state.log, 'utf8');

test('of two nodes without VMs one sleeps, the other one stays awake, and silence changes nothing', async () => {
  const { name, seen } = await asleep();
  assert.is((await seen()).power, 'asleep');
  assert.ok((await seen()).incarnation > 0);
  await sleep(6000);
  assert.equal(names.filter(isAsleep), [name]);
  assert.is((await seen()).state, 'asleep');
});

test('a person wakes it through its AMT: it comes back as a new life, and the wake is told of', async () => {
  const { name, waker, seen } = await asleep();
  const before = (await seen()).incarnation;
  await call(waker, name);
  await until(async () => (await seen()).state === 'awake', 20_000, `${name} is awake`);
  assert.ok((await seen()).incarnation > before);
  await until(async () => (await seen()).lastWake !== null, 5000, 'the wake is told of');
  assert.is((await seen()).lastWake?.method, 'amt');
  assert.is((await seen()).lastWake?.by, waker.name);
  assert.ok((await seen()).slept.seconds > 5);
});

test('an AMT that says yes and does nothing is found out; once it does its work the node is woken', async () => {
  const { name, waker, seen } = await asleep();
  const { machine } = machines.of(name);
  machine.isStuck = true;
  await call(waker, name);
  await until(async () => (await seen()).power === 'wake-failed', 15_000, 'the wake has failed');
  assert.match(logOf(waker), 'did not wake within');
  machine.isStuck = false;
  await call(waker, name);
  await until(async () => (await seen()).state === 'awake', 20_000, `${name} is awake`);
});

test('a wrong password is tried once, its mark is told to all, and the node is not harmed', async () => {
  const { name, waker, seen } = await asleep();
  const { amt, machine } = machines.of(name);
  writeFileSync(passwordFile, 'not-this-password\n');
  const before = amt.refusals;
  await call(waker, name);
  await until(async () => (await seen()).power === 'wake-failed', 15_000, 'the wake has failed');
  await call(waker, name);
  await until(() => logOf(waker).includes('SHOAL_AMT_MARKED'), 10_000, 'it is not tried again');
  assert.is(amt.refusals - before, 1);
  const registers = await waker.get<{ key: string; value: string }[]>('/v1/registers');
  assert.ok(registers.some(one => one.key.startsWith('credential/') && one.value.includes(name)));
  // By its own clock, or somebody's finger.
  machine.wake();
  await until(async () => (await seen()).state === 'awake', 20_000, `${name} is awake by itself`);
});

test.run();
