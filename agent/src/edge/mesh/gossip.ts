/** Load reports over gossipsub: one topic, signed by their authors, let in only through the validator. */
import { type Message, TopicValidatorResult } from '@chainsafe/libp2p-gossipsub';
import { GOSSIP_TOPIC, REPORT_BYTES_MAX } from '@shoal/protocol';
import { ShoalError } from '../../errors.ts';
import type { AllowList } from './allow-list.ts';
import { Listeners } from './listeners.ts';
import type { Node } from './stack.ts';
import type { Log, Validate, Verdict } from './types.ts';

const RESULTS: Record<Verdict, TopicValidatorResult> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
};

export type GossipDeps = {
  node: Node;
  allowList: AllowList;
  validate: Validate;
  log: Log;
  /** Called for whatever arrives over a link, good or bad: the link lives. */
  heard(peer: string): void;
};

export class Gossip {
  readonly reports: Listeners<[author: string, report: Uint8Array]>;
  readonly #deps: GossipDeps;
  sent = 0;
  received = 0;
  refused = 0;

  constructor(deps: GossipDeps) {
    this.#deps = deps;
    this.reports = new Listeners(deps.log);
    const { gossip } = deps.node.services;
    gossip.topicValidators.set(GOSSIP_TOPIC, async (relay, message) =>
      this.#judge(relay.toString(), message),
    );
    gossip.addEventListener('message', event => this.#deliver(event.detail));
    gossip.subscribe(GOSSIP_TOPIC);
  }

  async publish(report: Uint8Array): Promise<number> {
    if (report.byteLength > REPORT_BYTES_MAX) {
      throw new ShoalError(
        'SHOAL_REPORT_TOO_LARGE',
        `a load report of ${report.byteLength} bytes, over ${REPORT_BYTES_MAX}`,
        this.#deps.node.peerId.toString(),
        'Run fewer VMs on this node',
      );
    }
    const { recipients } = await this.#deps.node.services.gossip.publish(GOSSIP_TOPIC, report);
    this.sent += 1;
    return recipients.length;
  }

  /** Runs after the signature was checked, before anyone sees or relays the report. */
  async #judge(relay: string, message: Message): Promise<TopicValidatorResult> {
    this.#deps.heard(relay);
    const verdict = await this.#verdict(message);
    if (verdict === 'accept') return TopicValidatorResult.Accept;
    this.refused += 1;
    if (verdict === 'reject') {
      const author = message.type === 'signed' ? message.from.toString() : '';
      this.#deps.log.warn(
        { event: 'report-rejected', author, relay, bytes: message.data.byteLength },
        'report rejected',
      );
    }
    return RESULTS[verdict];
  }

  async #verdict(message: Message): Promise<Verdict> {
    if (message.type !== 'signed' || message.data.byteLength > REPORT_BYTES_MAX) return 'reject';
    const author = message.from.toString();
    // Lists differ for a while after a change: a relay that still has a removed node on its own is not to blame.
    if (!this.#deps.allowList.has(author)) return 'ignore';
    return this.#deps.validate(author, message.data);
  }

  #deliver(message: Message): void {
    if (message.type !== 'signed') return;
    this.received += 1;
    this.reports.call(message.from.toString(), message.data);
  }
}
