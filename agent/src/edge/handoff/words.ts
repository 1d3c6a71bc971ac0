/** What this node says to the peer of a handoff: one place that fills in the head of every message. */
import { encodeHandoff, fitSentence, type HandoffHead, type HandoffMessage } from '@shoal/protocol';
import type { Logger } from '../log.ts';

/** What a message says beyond its head. */
export type Said = HandoffMessage extends infer M
  ? M extends HandoffMessage
    ? Omit<M, keyof HandoffHead>
    : never
  : never;

export type WordsDeps = {
  incarnation: number;
  incarnationOf(peer: string): number;
  send(peer: string, frame: Uint8Array): Promise<void>;
  log: Logger;
};

/** Requests lose their meaning with time; what is on a disk stays true (handoff.md: a late `not-run` still counts). */
const DEADLINE_MS: Partial<Record<HandoffMessage['type'], number>> = {
  offer: 10_000,
  accept: 10_000,
  listening: 30_000,
  ask: 30_000,
};

/** What a VMM or the kernel said may have line breaks and no end: a reason must not keep its message from being sent. */
function fitted(said: Said): Said {
  if (said.type === 'refuse') return { ...said, detail: fitSentence(said.detail) };
  if (said.type === 'abort' || said.type === 'not-run') return { ...said, reason: fitSentence(said.reason) };
  return said;
}

export class Words {
  readonly #deps: WordsDeps;
  readonly #heard = new Map<string, number>();

  constructor(deps: WordsDeps) {
    this.#deps = deps;
  }

  /** A peer speaks as this life of it: known at once after its restart, where its reports tell it a second or two later. */
  heard(peer: string, incarnation: number): void {
    this.#heard.set(peer, Math.max(incarnation, this.#heard.get(peer) ?? 0));
  }

  /** The newest life of a peer that this node knows of; 0 = none. */
  incarnationOf(peer: string): number {
    return Math.max(this.#heard.get(peer) ?? 0, this.#deps.incarnationOf(peer));
  }

  /** Sends and forgets: only an answer proves delivery, and the tables send again until there is one. */
  say(peer: string, handoff: string, vm: string, said: Said): void {
    const { incarnation, send, log } = this.#deps;
    const deadlineMs = DEADLINE_MS[said.type] ?? 0;
    const head = { handoff, vm, incarnation, peerIncarnation: this.incarnationOf(peer), deadlineMs };
    send(peer, encodeHandoff({ ...fitted(said), ...head } as HandoffMessage)).catch(error =>
      log.debug({ handoff, peer, type: said.type, error: String(error) }, 'message not sent'),
    );
  }

  /**
   * From an earlier life of the peer, or to one of this node: it changes nothing. A peer that is off when its VM is
   * resolved must not have a word under way that undoes that after it came back (docs/decisions/0014). An offer to
   * nobody in particular (0: no life of this node was known there) is an offer.
   */
  late(message: HandoffMessage, peer: string): boolean {
    if (message.incarnation < (this.#heard.get(peer) ?? 0)) return true;
    if (message.type === 'offer' && message.peerIncarnation === 0) return false;
    return message.peerIncarnation !== this.#deps.incarnation;
  }
}
