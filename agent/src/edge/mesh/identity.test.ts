import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ShoalError } from '../../errors.ts';
import { loadOrCreateIdentity, nodeId } from './identity.ts';

let directory = '';
test.before.each(async () => {
  directory = await mkdtemp(join(tmpdir(), 'shoal-identity-'));
});
test.after.each(() => rm(directory, { recursive: true, force: true }));

async function faultOf(): Promise<ShoalError> {
  const error = await loadOrCreateIdentity(directory).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.instance(error, ShoalError);
  return error as ShoalError;
}

test('a node makes its key once, for its owner alone, and keeps its id', async () => {
  const stateDir = join(directory, 'deep', 'state');
  const { peerId } = await loadOrCreateIdentity(stateDir);
  assert.match(peerId, /^12D3KooW/);
  assert.is((await stat(join(stateDir, 'identity.key'))).mode & 0o777, 0o600);
  assert.equal(await readdir(stateDir), ['identity.key'], 'no draft is left');
  assert.is(await nodeId(stateDir), peerId);
});

test('a key that others can read is refused, with what to do', async () => {
  await loadOrCreateIdentity(directory);
  await chmod(join(directory, 'identity.key'), 0o644);
  const fault = await faultOf();
  assert.is(fault.code, 'SHOAL_IDENTITY');
  assert.match(fault.todo, 'chmod 600');
});

test('a broken key is refused and left as it is', async () => {
  const file = join(directory, 'identity.key');
  await writeFile(file, 'not a key', { mode: 0o600 });
  assert.match((await faultOf()).line(), /this is not a key \(.*identity\.key\)/);
  assert.is((await stat(file)).size, 9);
});

test('a key of another kind is refused', async () => {
  const key = privateKeyToProtobuf(await generateKeyPair('secp256k1'));
  await writeFile(join(directory, 'identity.key'), key, { mode: 0o600 });
  assert.match((await faultOf()).message, 'this is secp256k1');
});

test.run();
