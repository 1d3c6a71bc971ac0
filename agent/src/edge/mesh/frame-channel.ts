/** How what two nodes say to each other rarely travels between them: over streams that are open only meanwhile. */
import { ACTION_PROTOCOL, POWER_PROTOCOL } from '@shoal/protocol';
import { Streams, type StreamsDeps, type StreamsOptions } from './streams.ts';
import type { FrameChannel } from './types.ts';

const SEND_TIMEOUT_MS = 5_000;

/** What people ask for. Open for longer than the longest change takes, so that its answer finds the connection as it was. */
export const ACTIONS: StreamsOptions = {
  protocol: ACTION_PROTOCOL,
  closeAfterMs: 60_000,
  // Somebody who drains a node by hand; more is no person.
  frames: { burst: 128, perSecond: 16 },
};

/** Farewells. A node says a few an hour; all of a large mesh may say theirs within one minute. */
export const POWER: StreamsOptions = {
  protocol: POWER_PROTOCOL,
  closeAfterMs: 3_000,
  frames: { burst: 16, perSecond: 1 },
};

export function frameChannel(options: StreamsOptions, deps: StreamsDeps): FrameChannel {
  const streams = new Streams(options, deps);
  return {
    async open(frame) {
      streams.messages.add(frame);
      await streams.start();
    },
    send: (peer, bytes) => streams.send(peer, bytes, SEND_TIMEOUT_MS),
    drop: peer => streams.drop(peer),
  };
}
