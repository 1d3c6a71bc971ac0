/**
 * Sits between TCP and Noise, in libp2p's place for a connection protector: counts bytes, and hands each Noise frame to
 * the socket as one buffer. libp2p writes the frame's length and its body apart: two system calls and two packets for
 * every report, which makes a machine with 16 agents do twice the work (docs/decisions/0001, Measured).
 */
import type { ConnectionProtector, MessageStream } from '@libp2p/interface';
import { AbstractMessageStream } from '@libp2p/utils';

export type WireCount = { sentBytes: number; receivedBytes: number };

export function wire(count: WireCount): ConnectionProtector {
  return {
    async protect(connection: MessageStream): Promise<MessageStream> {
      connection.addEventListener('message', event => {
        count.receivedBytes += event.data.byteLength;
      });
      if (connection instanceof AbstractMessageStream) joinWrites(connection, count);
      return connection;
    },
  };
}

function joinWrites(connection: AbstractMessageStream, count: WireCount): void {
  const write = connection.sendData.bind(connection);
  connection.sendData = data => {
    count.sentBytes += data.byteLength;
    const joined = data.subarray();
    data.consume(data.byteLength);
    data.append(joined);
    return write(data);
  };
}
