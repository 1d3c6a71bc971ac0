/**
 * yamux that grants its window in halves. @libp2p/yamux 8 answers every data frame with a window update of its own: a
 * packet back for every report. The protocol asks for none before the sender runs short; hashicorp's yamux, which
 * defined it, waits until half of the window is used, and so does this. Where the fields are not what they were when
 * this was written, streams behave as shipped.
 */
import type { StreamMuxerFactory } from '@libp2p/interface';
import { yamux } from '@libp2p/yamux';

type YamuxOptions = NonNullable<Parameters<typeof yamux>[0]>;

/** What of a yamux stream is read here, by its names in 8.0.3. `state` 3 is Established: no flag waits to be sent. */
type Windowed = {
  state?: number;
  recvWindow?: number;
  recvWindowCapacity?: number;
  sendWindowUpdate?: () => void;
};
const ESTABLISHED = 3;

export function thriftyYamux(options: YamuxOptions): () => StreamMuxerFactory {
  return () => {
    const factory = yamux(options)();
    const create = factory.createStreamMuxer.bind(factory);
    factory.createStreamMuxer = connection => {
      const muxer = create(connection);
      const open = muxer.onRemoteStream.bind(muxer);
      muxer.onRemoteStream = stream => {
        grantInHalves(stream as unknown as Windowed);
        open(stream);
      };
      return muxer;
    };
    return factory;
  };
}

function grantInHalves(stream: Windowed): void {
  const update = stream.sendWindowUpdate?.bind(stream);
  if (!update) return;
  stream.sendWindowUpdate = () => {
    const { state, recvWindow = 0, recvWindowCapacity = 0 } = stream;
    if (state === ESTABLISHED && recvWindowCapacity > recvWindow / 2) return;
    update();
  };
}
