/**
 * What a qcow2 image refers to outside itself (QEMU docs/interop/qcow2.txt). QEMU opens such a file by its name in the
 * header, whoever wrote that: a guest's image could name any file of this node.
 */
import { open } from 'node:fs/promises';

const HEADER_BYTES = 104;
const MAGIC = 0x514649fb;
/** Bit of the incompatible features, from version 3 on: guest data is in an external file. */
const EXTERNAL_DATA = 4n;

/** A sentence, or undefined when it stands alone. */
export async function qcow2Fault(path: string): Promise<string | undefined> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    if (bytesRead < 72 || buffer.readUInt32BE(0) !== MAGIC) return 'is no qcow2 image';
    if (buffer.readBigUInt64BE(8) !== 0n)
      return 'has a backing file, which could be any file of the node: flatten it with qemu-img convert';
    const external = buffer.readUInt32BE(4) >= 3 && (buffer.readBigUInt64BE(72) & EXTERNAL_DATA) !== 0n;
    return external ? 'keeps its data in another file, which could be any file of the node' : undefined;
  } finally {
    await file.close();
  }
}
