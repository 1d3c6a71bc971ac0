/**
 * Gossip whose signature is not that of its author, or has none, never comes to a validator of ours: gossipsub drops it
 * and counts it against who passed it on (P4). Told here. By a field of the class that is not in its interface; where
 * that is not what it was when this was written, such messages are dropped in silence.
 */
import type { GossipSub } from '@chainsafe/libp2p-gossipsub';
import { LINES, Rates } from '../../core/rate.ts';
import type { Log } from './types.ts';

export function tellUnsigned(gossip: GossipSub, log: Log): void {
  const { score } = gossip as unknown as {
    score?: { rejectInvalidMessage(from: string, topic: string): void };
  };
  if (!score) return;
  const reject = score.rejectInvalidMessage.bind(score);
  const lines = new Rates(LINES.burst, LINES.perSecond);
  score.rejectInvalidMessage = (relay, topic) => {
    reject(relay, topic);
    if (!lines.take(relay, performance.now())) return;
    log.warn({ event: 'gossip-unsigned', relay, topic }, 'gossip refused: not signed by its author');
  };
}
