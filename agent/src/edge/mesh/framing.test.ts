import { HANDOFF_BYTES_MAX } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeFrame, FrameReader } from './framing.ts';

test('frames come out as they went in, however the bytes are cut', () => {
  const frames = [[1], [2, 3], Array.from({ length: 300 }, (_, i) => i % 256)].map(each =>
    Uint8Array.from(each),
  );
  const wire = Buffer.concat(frames.map(encodeFrame));
  for (const size of [1, 3, 4, 5, 7, 100, wire.length]) {
    const reader = new FrameReader();
    const out: Uint8Array[] = [];
    for (let at = 0; at < wire.length; at += size) out.push(...reader.push(wire.subarray(at, at + size)));
    assert.equal(
      out.map(each => [...each]),
      frames.map(each => [...each]),
      `pieces of ${size}`,
    );
  }
});

test('the largest frame passes, one byte more does not, nor an empty one', () => {
  assert.is(new FrameReader().push(encodeFrame(new Uint8Array(HANDOFF_BYTES_MAX))).length, 1);
  for (const size of [0, HANDOFF_BYTES_MAX + 1]) {
    const head = new Uint8Array(4);
    new DataView(head.buffer).setUint32(0, size);
    assert.throws(() => new FrameReader().push(head), new RegExp(`frame of ${size} bytes`));
  }
});

test.run();
