import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ShoalError } from '../../errors.ts';
import type { OwnedVm } from './record.ts';
import { House, until } from './test-house.ts';
import type { Vms } from './vms.ts';

let house: House;
let lives: Vms[];
let vms: Vms;

const anew = async (): Promise<Vms> => {
  vms = await house.vms();
  lives.push(vms);
  return vms;
};
test.before.each(async () => {
  house = new House();
  lives = [];
  await anew();
});
test.after.each(() => house.end(lives));

const admitted = () => undefined;
async function run(name: string, more: object = {}): Promise<OwnedVm> {
  const spec = house.spec(name, more);
  await vms.judge(spec);
  await vms.create(spec, admitted);
  return vms.get(spec.vm) as OwnedVm;
}
const refusal = (work: () => Promise<unknown>): Promise<string> =>
  Promise.resolve()
    .then(work)
    .then(
      () => 'done',
      (error: ShoalError) => error.code ?? String(error),
    );

test('a VM that is started twice at once has one guest', async () => {
  const owned = await run('web');
  await vms.stop(owned);
  const both = await Promise.all([
    refusal(() => vms.startAgain(owned)),
    refusal(() => vms.startAgain(owned)),
  ]);
  assert.equal(both.sort(), ['SHOAL_VM_BUSY', 'done']);
  assert.is(house.pids(owned.record.spec.vm).length, 1);
});

test('a VM in a handoff is neither started nor ended by anybody else', async () => {
  const owned = await run('web');
  await vms.stop(owned);
  house.moving.add(owned.record.spec.vm);
  assert.is(await refusal(() => vms.startAgain(owned)), 'SHOAL_VM_MOVING');
  assert.is(await refusal(() => vms.stop(owned)), 'SHOAL_VM_MOVING');
  assert.is(await refusal(() => vms.destroy(owned)), 'SHOAL_VM_MOVING');
  assert.equal(house.pids(owned.record.spec.vm), []);
});

test('a VM that is being stopped is not offered to anybody, and one that is offered is not stopped', async () => {
  const owned = await run('web');
  const { spec } = owned.record;
  const stopped = vms.stop(owned);
  assert.is(await refusal(() => vms.move(spec, async () => undefined)), 'SHOAL_VM_BUSY');
  await stopped;
  let answer: () => void = () => undefined;
  const offered = vms.move(spec, () => new Promise<void>(resolve => (answer = resolve)));
  assert.is(await refusal(() => vms.stop(owned)), 'SHOAL_VM_BUSY');
  answer();
  await offered;
});

test('a guest that is deaf to the power button is ended, and gives its memory back', async () => {
  const owned = await run('web');
  assert.is(house.files().filter(f => f.endsWith('.ram')).length, 1);
  assert.equal(await vms.stop(owned), { forced: true });
  assert.is(owned.state, 'stopped');
  assert.equal(house.pids(owned.record.spec.vm), []);
  assert.equal(
    house.files().filter(f => !f.includes(`${owned.record.spec.vm}/`)),
    [`vms/${owned.record.spec.vm}`],
    'only the directory with its log stays',
  );
});

test('a destroy does not wait for the guest that a stop waits for, and leaves nothing', async () => {
  const owned = await run('web');
  const stopped = vms.stop(owned);
  await vms.destroy(owned);
  assert.equal(await stopped, { forced: false });
  assert.equal(house.pids(owned.record.spec.vm), []);
  assert.equal(house.files(), []);
  assert.equal((await anew()).list(), []);
});

test('a VM whose QEMU is killed starts again, with a new process and new memory', async () => {
  const owned = await run('web');
  const { vm } = owned.record.spec;
  const [before] = house.pids(vm);
  process.kill(before as number, 'SIGKILL');
  await until('it runs again', () => owned.state === 'running' && owned.vmm?.pid !== before);
  assert.equal(house.pids(vm), [owned.vmm?.pid]);
  assert.is(owned.record.crashesAtMs.length, 1);
});

test('a VM whose policy is to be left stays crashed, holds no memory, and starts when it is asked for', async () => {
  const owned = await run('web', { crash: 'leave' });
  process.kill(owned.vmm?.pid as number, 'SIGKILL');
  await until('it is known as crashed', () => owned.state === 'crashed');
  assert.is(vms.memoryMib(), 0);
  assert.equal(
    house.files().filter(f => f.endsWith('.ram')),
    [],
  );
  await vms.startAgain(owned);
  assert.is(owned.state, 'running');
});

test('a VM that ends while a handoff has it keeps its memory until the handoff lets go, and then starts again', async () => {
  const owned = await run('web');
  const { vm } = owned.record.spec;
  house.moving.add(vm);
  process.kill(owned.vmm?.pid as number, 'SIGKILL');
  await until('its end is known', () => owned.vmm === undefined);
  assert.is(house.files().filter(f => f.endsWith('.ram')).length, 1);
  await vms.stays(vm, 1);
  assert.is(owned.vmm, undefined, 'nothing is started while a handoff may have it');
  house.moving.delete(vm);
  await vms.settled(vm);
  await until('it runs again', () => owned.state === 'running');
});

test('a VM that ends right before its handoff is settled, behind the last look at it, starts again all the same', async () => {
  const owned = await run('web');
  const { vm } = owned.record.spec;
  house.moving.add(vm);
  await vms.stays(vm, 1);
  process.kill(owned.vmm?.pid as number, 'SIGKILL');
  await until('its end is known', () => owned.vmm === undefined);
  house.moving.delete(vm);
  await vms.settled(vm);
  await until('it runs again', () => owned.state === 'running');
  assert.is(owned.record.crashesAtMs.length, 1);
  await vms.settled(vm);
  assert.is(owned.record.crashesAtMs.length, 1, 'one end is one crash');
});

for (const written of ['', '{"pid":12', JSON.stringify({ pid: 0, startTicks: '' })])
  test(`an agent that died while it started a VMM, and left "${written}" of it, finds it again`, async () => {
    const { spec } = (await run('web')).record;
    const before = house.pids(spec.vm);
    writeFileSync(house.host.paths(spec).process, written);
    await (await anew()).adoptAll();
    assert.equal([vms.get(spec.vm)?.vmm?.pid], before);
    assert.is(JSON.parse(readFileSync(house.host.paths(spec).process, 'utf8')).pid, before[0]);
    await vms.startOwned();
    assert.equal(house.pids(spec.vm), before);
  });

test('an agent that died while it waited for a guest to power down ends it in its next life', async () => {
  const owned = await run('web');
  const { vm } = owned.record.spec;
  void vms.stop(owned);
  await until('it is written down', () => owned.record.desired === 'stopped');
  await (await anew()).adoptAll();
  await vms.startOwned();
  await until('it is gone', () => house.pids(vm).length === 0 && vms.get(vm)?.state === 'stopped');
});

test('a VM that QEMU refuses is told in the words of QEMU, and nothing of it stays', async () => {
  const spec = house.spec('web', { vcpus: 255, machine: 'pc' });
  rmSync(spec.disks[0]?.source as string);
  const error = await vms.create(spec, admitted).catch((e: ShoalError) => e);
  assert.is((error as ShoalError).code, 'SHOAL_VMM_START');
  assert.match((error as ShoalError).line(), /Could not open .*web\.img.*\(web\)/);
  assert.equal([vms.list(), house.files()], [[], []]);
});

test('a VM that may not be admitted after all leaves no trace', async () => {
  const spec = house.spec('web');
  const full = () => {
    throw new Error('full');
  };
  assert.is(await refusal(() => vms.create(spec, full)), 'Error: full');
  assert.equal([vms.list(), house.files()], [[], []]);
});

test.run();
