import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ShoalError } from '../../errors.ts';
import { clock } from '../clock.ts';
import type { Vmm } from '../vmm/types.ts';
import { QemuTarget } from './qemu-target.ts';
import { TargetVmm } from './target-vmm.ts';

const test = suite('target VMM');
const SOCKET = '/run/h/stream.sock';

const silence = () => Promise.reject(new ShoalError('SHOAL_VMM_SILENT', 'no answer', 'qmp', ''));
const refuse = (why: string) => Promise.reject(new ShoalError('SHOAL_VMM_REFUSED', why, 'qmp', ''));
const never = () => new Promise<never>(() => undefined);
const vmm = (does: Partial<Record<keyof Vmm, unknown>>) => does as unknown as Vmm;
const deaf = vmm({ cont: silence, runState: silence, migrationStatus: silence });

test('a guest that was seen to resume runs, though its VMM waits for a page and answers nothing', async () => {
  const target = new TargetVmm(vmm({ cont: never }), clock, true);
  const asked = target.cont();
  target.ran();
  assert.equal(await asked, { kind: 'running' });
});

test('from the silence of a VMM nothing is inferred, whoever started it: cont may still be waiting in its monitor', async () => {
  for (const seenFromStart of [true, false]) {
    const asked = new TargetVmm(deaf, clock, seenFromStart).cont();
    assert.is(await asked.catch(error => error.code), 'SHOAL_VMM_SILENT');
  }
});

test('a guest whose cont was refused never ran only where all of its life was seen and it stands still', async () => {
  const refused = vmm({ cont: () => refuse('locked'), runState: async () => 'paused' });
  const ran = new TargetVmm(refused, clock, true);
  const kinds = [];
  for (const target of [new TargetVmm(refused, clock, true), new TargetVmm(refused, clock, false)])
    kinds.push(await target.cont());
  assert.equal(
    kinds.map(k => k.kind === 'refused' && k.neverRan),
    [true, false],
  );
  ran.ran();
  assert.equal(await ran.cont(), { kind: 'running' });
});

/** What a deaf QEMU says past its main loop. */
const heard = (answers: Record<string, () => Promise<unknown>>) =>
  new QemuTarget(
    vmm({ migrationStatus: silence, executeOutOfBand: (command: string) => answers[command]?.() }),
    clock,
    () => undefined,
  ).incomplete(SOCKET);
const ok = async () => undefined;
const not = (where: string) => () => refuse(`it can only be run when postcopy is ${where}`);

test('a deaf VMM lacks pages if its stream could be broken or taken up again', async () => {
  assert.ok(await heard({ 'migrate-pause': ok }));
  assert.ok(await heard({ 'migrate-pause': not('active'), 'migrate-recover': ok }));
  const listens = () => refuse('Migrate recovery is triggered already');
  assert.ok(await heard({ 'migrate-pause': not('active'), 'migrate-recover': listens }));
});

test('of a deaf VMM that is in no part of a post-copy nothing is known', async () => {
  const asked = heard({ 'migrate-pause': not('active'), 'migrate-recover': not('paused') });
  assert.is(await asked.catch(error => error.code), 'SHOAL_VMM_SILENT');
});

test.run();
