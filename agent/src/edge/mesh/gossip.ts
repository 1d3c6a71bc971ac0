/** One gossipsub topic: messages signed by whoever published them, let in only through a validator. */
import { type Message, TopicValidatorResult } from '@chainsafe/libp2p-gossipsub';
import { LINES, Rates } from '../../core/rate.ts';
import type { AllowList } from './allow-list.ts';
import { Listeners } from './listeners.ts';
import type { Node } from './stack.ts';
import type { Log, Validate, Verdict } from './types.ts';

const RESULTS: Record<Verdict, TopicValidatorResult> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
};

export type GossipOptions = {
  topic: string;
  /** What one message is called in the log. */
  what: 'report' | 'register';
  bytesMax: number;
};

export type GossipDeps = {
  node: Node;
  allowList: AllowList;
  validate: Validate;
  log: Log;
  /** Called for whatever arrives over a link, good or bad: the link lives, and carries gossip. */
  heard(peer: string): void;
};

export class Gossip {
  /** `relay`: the peer that it came from. */
  readonly messages: Listeners<[author: string, bytes: Uint8Array, relay: string]>;
  readonly #options: GossipOptions;
  readonly #deps: GossipDeps;
  /** By relay: authors are whatever is in a message that is not believed. */
  readonly #lines = new Rates(LINES.burst, LINES.perSecond);
  sent = 0;
  received = 0;
  refused = 0;

  constructor(options: GossipOptions, deps: GossipDeps) {
    this.#options = options;
    this.#deps = deps;
    this.messages = new Listeners(deps.log);
    const { gossip } = deps.node.services;
    gossip.topicValidators.set(options.topic, async (relay, message) =>
      this.#judge(relay.toString(), message),
    );
    gossip.addEventListener('gossipsub:message', ({ detail: { msg, propagationSource } }) =>
      this.#deliver(msg, propagationSource.toString()),
    );
    gossip.subscribe(options.topic);
  }

  /** Answers how many peers it went to. */
  async publish(bytes: Uint8Array): Promise<number> {
    const { recipients } = await this.#deps.node.services.gossip.publish(this.#options.topic, bytes);
    this.sent += 1;
    return recipients.length;
  }

  /** Runs after the signature was checked, before anyone sees or relays the message. */
  async #judge(relay: string, message: Message): Promise<TopicValidatorResult> {
    this.#deps.heard(relay);
    const verdict = await this.#verdict(message);
    if (verdict === 'accept') return TopicValidatorResult.Accept;
    this.refused += 1;
    if (verdict === 'reject' && this.#lines.take(relay, performance.now())) {
      const author = message.type === 'signed' ? message.from.toString() : '';
      const { what } = this.#options;
      this.#deps.log.warn(
        { event: `${what}-rejected`, author, relay, bytes: message.data.byteLength },
        `${what} rejected`,
      );
    }
    return RESULTS[verdict];
  }

  async #verdict(message: Message): Promise<Verdict> {
    if (message.type !== 'signed' || message.data.byteLength > this.#options.bytesMax) return 'reject';
    const author = message.from.toString();
    // Lists differ for a while after a change: a relay that still has a removed node on its own is not to blame.
    if (!this.#deps.allowList.has(author)) return 'ignore';
    return this.#deps.validate(author, message.data);
  }

  #deliver(message: Message, relay: string): void {
    if (message.type !== 'signed' || message.topic !== this.#options.topic) return;
    this.received += 1;
    this.messages.call(message.from.toString(), message.data, relay);
  }
}
