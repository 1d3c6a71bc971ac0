/** How registers travel: what was just written as gossip, what others lack over streams that are open only meanwhile. */
import { REGISTER_BYTES_MAX, REGISTER_PROTOCOL, REGISTER_TOPIC } from '@shoal/protocol';
import { Gossip, type GossipDeps } from './gossip.ts';
import { Streams, type StreamsDeps } from './streams.ts';
import type { RegisterChannel, RegisterEnds } from './types.ts';

/** A whole exchange takes less; a stream for each pair that stays open costs memory and does nothing. */
const CLOSE_AFTER_MS = 3_000;
const SEND_TIMEOUT_MS = 5_000;
/** Pages of all registers that may be kept, twice. */
const FRAMES = { burst: 512, perSecond: 64 };

type Deps = Omit<GossipDeps, 'validate'> & StreamsDeps;

export function registerChannel(deps: Deps): RegisterChannel {
  const streams = new Streams(
    { protocol: REGISTER_PROTOCOL, closeAfterMs: CLOSE_AFTER_MS, frames: FRAMES },
    deps,
  );
  let gossip: Gossip | undefined;
  return {
    async open({ judge, heard, frame }: RegisterEnds) {
      const topic = { topic: REGISTER_TOPIC, what: 'register', bytesMax: REGISTER_BYTES_MAX } as const;
      gossip = new Gossip(topic, { ...deps, validate: judge });
      gossip.messages.add((_author, bytes) => heard(bytes));
      streams.messages.add(frame);
      await streams.start();
    },
    async publish(bytes) {
      await gossip?.publish(bytes);
    },
    send: (peer, bytes) => streams.send(peer, bytes, SEND_TIMEOUT_MS),
    drop: peer => streams.drop(peer),
  };
}
