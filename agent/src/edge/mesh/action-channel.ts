/** How changes that people ask for travel between nodes: rarely, so over streams that are open only meanwhile. */
import { ACTION_PROTOCOL } from '@shoal/protocol';
import { Streams, type StreamsDeps } from './streams.ts';
import type { ActionChannel } from './types.ts';

/** Longer than the longest change takes, so that its answer finds the connection as it was. */
const CLOSE_AFTER_MS = 60_000;
const SEND_TIMEOUT_MS = 5_000;
/** Somebody who drains a node by hand; more is no person. */
const FRAMES = { burst: 128, perSecond: 16 };

export function actionChannel(deps: StreamsDeps): ActionChannel {
  const streams = new Streams(
    { protocol: ACTION_PROTOCOL, closeAfterMs: CLOSE_AFTER_MS, frames: FRAMES },
    deps,
  );
  return {
    async open(frame) {
      streams.messages.add(frame);
      await streams.start();
    },
    send: (peer, bytes) => streams.send(peer, bytes, SEND_TIMEOUT_MS),
    drop: peer => streams.drop(peer),
  };
}
