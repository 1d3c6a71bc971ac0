import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clock } from '../../clock.ts';
import { rtcAlarm } from './alarm.ts';
import { commandSuspend } from './command.ts';
import { ASLEEP, simulatedSuspend } from './simulated.ts';
import { systemdSuspend } from './systemd.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-suspend-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

/** A machine whose boot-time clock jumps once `file` is there, as after a suspend that it asked for. */
const jumps = (file: string) => () => clock.nowMs() + (existsSync(file) ? 30_000 : 0);

test('a program that lets the machine sleep has suspended it: by the clocks, not by its exit code', async () => {
  const file = join(dir, 'slept');
  const driver = commandSuspend(['touch', file], clock, jumps(file));
  assert.equal(await driver.faults(), []);
  assert.equal(await driver.suspend(), { suspended: true });
});

test('one that fails has not, and what it said is told', async () => {
  const driver = commandSuspend(['sh', '-c', 'echo busy; exit 4'], clock, () => clock.nowMs());
  assert.equal(await driver.suspend(), { suspended: false, why: 'sh ended with 4: busy' });
  assert.is((await commandSuspend([], clock, () => 0).faults()).length, 1);
  const missing = await commandSuspend(['/nowhere/suspend'], clock, () => clock.nowMs()).suspend();
  assert.is(missing.suspended, false);
});

test('a simulated machine sleeps until its file is gone, and the file names whom to stop', async () => {
  const driver = simulatedSuspend(join(dir, 'machine'), clock);
  const suspended = driver.suspend();
  const file = join(dir, 'machine', ASLEEP);
  while (!existsSync(file)) await sleep(5);
  while (readFileSync(file, 'utf8') === '') await sleep(5);
  assert.is(readFileSync(file, 'utf8'), `${process.pid}\n`);
  let isOver = false;
  void suspended.then(() => {
    isOver = true;
  });
  await sleep(100);
  assert.is(isOver, false);
  rmSync(file);
  assert.equal(await suspended, { suspended: true });
});

test('by systemd: a machine without S3 is told so, one with another default is switched to it, locks are named', async () => {
  const write = (modes: string) => writeFileSync(join(dir, 'mem_sleep'), modes);
  const slept = join(dir, 'by-systemd');
  const options = { clock, bootMs: jumps(slept), sysPower: dir, inhibit: ['echo', 'a backup'] };
  write('[s2idle]\n');
  assert.match((await systemdSuspend(options).faults())[0] ?? '', 'only [s2idle]');
  write('[s2idle] deep\n');
  assert.equal(await systemdSuspend(options).faults(), []);
  const refused = await systemdSuspend({
    ...options,
    systemctl: ['sh', '-c', 'echo inhibited; exit 1'],
  }).suspend();
  assert.is(
    refused.suspended ? '' : refused.why,
    'systemctl suspend ended with 1: inhibited; inhibitors: a backup',
  );
  assert.is(readFileSync(join(dir, 'mem_sleep'), 'utf8'), 'deep');
  assert.equal(await systemdSuspend({ ...options, systemctl: ['touch', slept] }).suspend(), {
    suspended: true,
  });
});

test('an alarm is cleared before it is armed, since the clock takes none while one is pending', async () => {
  const file = join(dir, 'wakealarm');
  writeFileSync(file, '');
  await rtcAlarm(file)(3600);
  assert.is(readFileSync(file, 'utf8'), '+3600');
  await rtcAlarm(file)(0);
  assert.is(readFileSync(file, 'utf8'), '0');
});

test.run();
