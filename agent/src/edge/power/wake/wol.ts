/** A magic packet (AMD, Magic Packet Technology, 1995): six times ff, sixteen times the MAC address. There is no answer to it. */
import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { ShoalError } from '../../../errors.ts';
import type { WakeMethod } from '../types.ts';

const REPEATS = 16;
/** A switch that relearns where the node is may lose the first. */
const PACKETS = 3;
const APART_MS = 100;
export const WOL_PORT = 9;

export function magicPacket(mac: string): Buffer {
  const address = Buffer.from(mac.replaceAll(':', ''), 'hex');
  return Buffer.concat([Buffer.alloc(6, 0xff), ...Array.from({ length: REPEATS }, () => address)]);
}

/** `broadcast`: of the segment that the node is in; directed broadcasts are seldom forwarded. */
export const wolWake = (node: string, mac: string, broadcast: string, port = WOL_PORT): WakeMethod => ({
  name: 'wol',
  async wake(signal, taken) {
    const socket = createSocket({ type: broadcast.includes(':') ? 'udp6' : 'udp4' });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.bind(0, resolve);
      });
      if (!broadcast.includes(':')) socket.setBroadcast(true);
      const packet = magicPacket(mac);
      for (let i = 0; i < PACKETS && !signal.aborted; i++) {
        await new Promise<void>((resolve, reject) =>
          socket.send(packet, port, broadcast, error => (error ? reject(error) : resolve())),
        );
        await sleep(APART_MS);
      }
      taken();
      return `magic packets for ${mac} went to ${broadcast}`;
    } catch (error) {
      throw new ShoalError(
        'SHOAL_WAKE_WOL',
        `a magic packet cannot be sent: ${(error as Error).message}`,
        node,
        'Check ip and mac of its entry in power.wake',
      );
    } finally {
      socket.close();
    }
  },
});
