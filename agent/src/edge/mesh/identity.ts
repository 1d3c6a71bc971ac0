/**
 * Who this node is: an Ed25519 key in `<stateDir>/identity.key` (libp2p's protobuf form, mode 0600). The peer id is the
 * public key, so the file is the node: copy it and two nodes claim one name, lose it and the node must join anew.
 */
import '../node20.ts';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey, PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { ShoalError } from '../../errors.ts';

export type Identity = { peerId: string; privateKey: Ed25519PrivateKey };

/**
 * Reads the key, or makes and persists one on the first start. Throws SHOAL_IDENTITY when the file is there but is not
 * a private Ed25519 key readable by its owner alone: a new key in its place would make this a different node.
 */
export async function loadOrCreateIdentity(stateDir: string): Promise<Identity> {
  const file = join(stateDir, 'identity.key');
  return (await readKey(file)) ?? identityOf(await createKey(file));
}

/** The Ed25519 key in a file, undefined when there is none. Rejects with SHOAL_IDENTITY when it is no key, or open to others. */
export async function readKey(file: string): Promise<Identity | undefined> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw fault(file, `the key cannot be read: ${error.message}`, 'Ask as its owner', error);
  });
  if (!bytes) return undefined;
  if (((await stat(file)).mode & 0o077) !== 0)
    throw fault(file, 'the key is open to other users', `Run: chmod 600 ${file}`);
  return identityOf(parse(bytes, file));
}

/** A fresh key in a file that is not there yet, mode 0600. Rejects with SHOAL_IDENTITY. */
export async function makeKey(file: string): Promise<Identity> {
  if (await readKey(file)) throw fault(file, 'there is a key already', 'Name another file');
  return identityOf(await createKey(file));
}

/** The node's peer id, for allow-lists: makes the key when there is none yet, starts nothing. */
export async function nodeId(stateDir: string): Promise<string> {
  return (await loadOrCreateIdentity(stateDir)).peerId;
}

const identityOf = (privateKey: Ed25519PrivateKey): Identity => ({
  peerId: peerIdFromPrivateKey(privateKey).toString(),
  privateKey,
});

function parse(bytes: Uint8Array, file: string): Ed25519PrivateKey {
  let key: PrivateKey;
  try {
    key = privateKeyFromProtobuf(bytes);
  } catch (error) {
    throw fault(
      file,
      'this is not a key',
      'Restore it from a backup, or remove it to join as a new node',
      error,
    );
  }
  if (key.type !== 'Ed25519') {
    throw fault(file, `a node's key is Ed25519, this is ${key.type}`, 'Remove it to join as a new node');
  }
  return key;
}

/** Written whole or not at all: a half key after a power cut would be a lost node. */
async function createKey(file: string): Promise<Ed25519PrivateKey> {
  const key = await generateKeyPair('Ed25519');
  const directory = dirname(file);
  const draft = `${file}.${randomBytes(4).toString('hex')}`;
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeSynced(draft, privateKeyToProtobuf(key));
    await rename(draft, file);
    await syncDirectory(directory);
  } catch (error) {
    await rm(draft, { force: true });
    throw fault(
      file,
      `the node's key cannot be written: ${(error as Error).message}`,
      'Check node.stateDir',
      error,
    );
  }
  return key;
}

async function writeSynced(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(bytes);
    await chmod(file, 0o600);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const fault = (where: string, what: string, todo: string, cause?: unknown): ShoalError =>
  new ShoalError('SHOAL_IDENTITY', what, where, todo, { cause });
