/** Every word of a handoff, about the handoff and VM that a head names: what either of its two sides could say. Pure. */

import { HASH, harmless, offerOf } from '@shoal/agent/edge/handoff/test-offers';
import type { HandoffHead, HandoffMessage } from '@shoal/protocol';

/** A new word of the protocol must be said here too, or this does not compile. */
type EachWord = {
  [T in HandoffMessage['type']]: Omit<Extract<HandoffMessage, { type: T }>, keyof HandoffHead | 'type'>[];
};

export function everyWord(head: HandoffHead): HandoffMessage[] {
  const {
    handoff: _h,
    vm: _v,
    incarnation: _i,
    peerIncarnation: _p,
    deadlineMs: _d,
    ...offer
  } = offerOf({ ...harmless(), vm: head.vm }, { epoch: 99 });
  const said: EachWord = {
    abort: [{ reason: 'give it up' }],
    'not-run': [{ reason: 'it never ran' }],
    run: [{ epoch: 2 }, { epoch: 99 }],
    running: [{ epoch: 2 }, { epoch: 99 }],
    transferred: [{}],
    ready: [{}],
    accept: [{}],
    refuse: [{ code: 'memory', detail: 'no room', numbers: {} }],
    listening: [{ host: '203.0.113.1', port: 1, certSha256: HASH }],
    ask: [{}],
    ended: [{}],
    record: (['source', 'target'] as const).flatMap(role =>
      ['none', 'committed', 'released', 'aborted', 'resolved', 'was-resolved', 'owner', 'not-run'].map(
        state => ({ role, state }),
      ),
    ),
    offer: [offer],
  };
  return Object.entries(said).flatMap(([type, all]) =>
    all.map(rest => ({ ...head, type, ...rest }) as HandoffMessage),
  );
}
