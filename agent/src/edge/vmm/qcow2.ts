/**
 * What a qcow2 image refers to outside itself (QEMU docs/interop/qcow2.txt). QEMU opens such a file by its name in the
 * header, whoever wrote that: a guest's image could name any file of this node.
 */
import { open } from 'node:fs/promises';

export const HEADER_BYTES = 104;
const MAGIC = 0x514649fb;
/** Bit of the incompatible features, from version 3 on: guest data is in an external file. */
const EXTERNAL_DATA = 4n;

/** A sentence, or undefined when it stands alone. */
export async function qcow2Fault(path: string): Promise<string | undefined> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    return qcow2HeaderFault(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

/** `header`: the first `HEADER_BYTES` of the file, or all that it has. */
export function qcow2HeaderFault(header: Buffer): string | undefined {
  if (header.length < 72 || header.readUInt32BE(0) !== MAGIC) return 'is no qcow2 image';
  if (header.readBigUInt64BE(8) !== 0n)
    return 'has a backing file, which could be any file of the node: flatten it with qemu-img convert';
  if (header.readUInt32BE(4) < 3) return undefined;
  if (header.length < HEADER_BYTES) return 'is no whole qcow2 image';
  const external = (header.readBigUInt64BE(72) & EXTERNAL_DATA) !== 0n;
  return external ? 'keeps its data in another file, which could be any file of the node' : undefined;
}
