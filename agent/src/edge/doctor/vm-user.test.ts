import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../config/config.ts';
import { PRELOAD } from './native.ts';
import { vmUserCheck } from './vm-user.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-doctor-'));
test.after(() => rmSync(dir, { recursive: true }));
const config = (vms: string) => parseConfig(`native: { dir: ${dir} }\nvms: ${vms}\n`, 'test');
const found = async (vms: string, root: boolean) =>
  (await vmUserCheck(config(vms), root)).map(c => `${c.state} ${c.found}`);

test('VMs that run as root are worth a word', async () => {
  assert.equal(await found('{}', true), ['warn VMs run as root']);
  assert.equal(await found('{}', false), ['ok as this user']);
});

test('another user needs an agent that is root', async () => {
  assert.equal(await found('{ runAs: { uid: 65533, gid: 65533 } }', false), [
    'fail only root can run VMs as uid 65533',
  ]);
});

if (process.getuid?.() === 0) {
  test('a preload that the user may not read is told: the loader would go on without it, and moves would hang', async () => {
    const preload = join(dir, 'native', PRELOAD);
    mkdirSync(join(dir, 'native'));
    writeFileSync(preload, '');
    chmodSync(dir, 0o755);
    const here = parseConfig(
      `native: { dir: ${dir}/native }\nvms: { runAs: { uid: 65533, gid: 65533 } }\n`,
      'test',
    );
    assert.equal(await vmUserCheck(here, true).then(c => c.map(x => x.found)), ['uid 65533, gid 65533']);
    chmodSync(join(dir, 'native'), 0o700);
    const [check] = await vmUserCheck(here, true);
    assert.is(check?.state, 'fail');
    assert.match(check?.found ?? '', /libshoal-uffd\.so may not be read by the user that runs VMs/);
  });
}

test.run();
