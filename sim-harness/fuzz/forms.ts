/** Trees to bytes and back, in the three forms in which decoders here get them. */
import { Packr, Unpackr } from 'msgpackr';
import { parse, stringify } from 'yaml';
import type { Tree } from './mutate.ts';

export type Form = 'msgpack' | 'json' | 'yaml';

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });

export function read(form: Form, bytes: Uint8Array): Tree {
  if (form === 'msgpack') return unpackr.unpack(bytes) as Tree;
  const text = Buffer.from(bytes).toString('utf8');
  return (form === 'json' ? JSON.parse(text) : parse(text)) as Tree;
}

export function write(form: Form, tree: Tree): Uint8Array {
  // msgpackr answers a view of a buffer that it uses again.
  if (form === 'msgpack') return new Uint8Array(packr.pack(tree));
  return Buffer.from(form === 'json' ? (JSON.stringify(tree) ?? '') : stringify(tree));
}
