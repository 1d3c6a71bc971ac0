/** Who asks, and from where. */
import type { Presented } from './token.ts';

export type Person = {
  /**
   * `socket`: root or a member of the group, by the rights of the file; all rights on this node. `token`: over HTTPS.
   * `peer`: over HTTPS at another node, which forwarded it.
   */
  by: 'socket' | 'token' | 'peer';
  /** As the caller on the socket calls itself: a hint for the audit log, no proof of anything. */
  actor: string;
  /** On the socket it may be missing; with it a change can be forwarded. */
  token: Presented | undefined;
  /** For the audit log: an address, `unix socket`, a node. */
  from: string;
};

/** As the audit log has it. */
export const whoIs = ({ by, actor, token }: Person): string =>
  by === 'socket' ? `socket:${actor || 'unknown'}` : `token:${token?.id ?? ''}`;
