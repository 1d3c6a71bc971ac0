/** By a stolen member that makes good offers, is answered yes, and gives them up: what its target did for it must be undone. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { harmless, offerOf } from '@shoal/agent/edge/handoff/test-offers';
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import { encodeFrame } from '@shoal/agent/edge/mesh/framing';
import {
  decodeHandoff,
  encodeHandoff,
  type HandoffHead,
  type HandoffMessage,
  STREAM_PROTOCOL,
} from '@shoal/protocol';
import type { Attack, Scene } from '../attack.ts';
import type { Rogue } from '../rogue.ts';

type Word = HandoffMessage['type'];
/** What a target bounds for each peer (`edge/handoff/judging.ts`): ends that it has not acknowledged, and ends in vain. */
const UNACKNOWLEDGED_MAX = 16;
const IN_VAIN = { burst: 32, perSecond: 0.1 };
/** Each way: some more than the half of those in vain. */
const OFFERS = 24;
const MEMORY_MIB = 64;

function heard(rogue: Rogue, handoff: string, ...words: Word[]): HandoffMessage | undefined {
  for (const frame of rogue.frames) {
    const decoded = decodeHandoff(frame);
    if (decoded.ok && decoded.value.handoff === handoff && words.includes(decoded.value.type))
      return decoded.value;
  }
  return undefined;
}

/** Says something on a stream that stays; a new one where the node has cut the link of a peer without reports. */
class Speaker {
  readonly scene: Scene;
  readonly rogue: Rogue;
  #stream: Awaited<ReturnType<Rogue['stream']>> | undefined;

  constructor(scene: Scene, rogue: Rogue) {
    this.scene = scene;
    this.rogue = rogue;
  }

  async say(message: HandoffMessage): Promise<void> {
    const { scene, rogue } = this;
    if (this.#stream?.status !== 'open') {
      await rogue.listen(scene.target);
      this.#stream = await rogue.stream(scene.target, STREAM_PROTOCOL);
    }
    this.#stream.send(encodeFrame(encodeHandoff(message)));
  }
}

/** Offers a VM; once that is accepted, gives it up and waits until it is over at the target. Empty: it was refused, for `why`. */
async function givenUp(by: Speaker, why: RegExp): Promise<HandoffHead | undefined> {
  const { scene, rogue } = by;
  const spec = { ...harmless(), driver: 'micro' as const, memoryMib: MEMORY_MIB };
  const offer = offerOf(spec, { deadlineMs: 60_000 });
  const { handoff, vm } = offer;
  await by.say(offer);
  const answer = await scene.until('an offer is answered', () => heard(rogue, handoff, 'accept', 'refuse'));
  if (answer.type === 'refuse') {
    if (why.test(answer.detail)) return undefined;
    throw new Error(`a good offer was refused: ${answer.code}, ${answer.detail}`);
  }
  const head = { handoff, vm, incarnation: 1, peerIncarnation: answer.incarnation, deadlineMs: 60_000 };
  await by.say({ ...head, type: 'abort', reason: 'changed its mind' });
  await scene.until('the target says that it never ran', () => heard(rogue, handoff, 'not-run'));
  return head;
}

/** What is there of handoffs and VMs on a node: directories, and memory that is free. */
async function roomOf({ victim }: Scene): Promise<string> {
  const { nodes } = await victim.get<ClusterStatus>('/v1/status');
  const there = ['h', 'vms'].map(dir => {
    const path = join(victim.runDir, dir);
    return `${existsSync(path) ? readdirSync(path).length : 0} in ${dir}`;
  });
  return [...there, `${nodes.find(n => n.name === victim.name)?.memoryFreeMib} MiB free`].join(', ');
}

const fickle: Attack = {
  name: 'fickle',
  what: 'a member gives up each offer once it is accepted: never acknowledges how that ended; then acknowledges at once',
  said: /ended handoffs of this peer are not acknowledged by it/,
  // Measured: 62 KB of lines, thirty for each at the lab's level, which is debug; 186 KB for three synced records of each.
  leaves: { logBytes: 196_608, dbBytes: 786_432 },
  async run(scene) {
    const by = new Speaker(scene, await scene.member());
    const before = await roomOf(scene);
    const begunMs = performance.now();
    const ends: HandoffHead[] = [];
    for (let i = 0; i < OFFERS; i++) {
      const end = await givenUp(by, /are not acknowledged by it$/);
      if (end) ends.push(end);
    }
    if (ends.length !== UNACKNOWLEDGED_MAX)
      scene.blame(`${ends.length} ends are kept that nobody acknowledged`);
    for (const head of ends) await by.say({ ...head, type: 'ended' });
    let accepted = ends.length;
    for (let i = 0; i < OFFERS; i++) {
      const end = await givenUp(by, /^too many accepted offers of this peer came to nothing/);
      if (!end) continue;
      accepted += 1;
      await by.say({ ...end, type: 'ended' });
    }
    const most = IN_VAIN.burst + 1 + ((performance.now() - begunMs) / 1000) * IN_VAIN.perSecond;
    if (accepted > most) scene.blame(`${accepted} offers were accepted and given up, more than ${most}`);
    if (accepted < IN_VAIN.burst) throw new Error(`only ${accepted} offers were accepted`);
    await scene
      .until('room is as it was', async () => (await roomOf(scene)) === before)
      .catch(async () => scene.blame(`before there were ${before}; now ${await roomOf(scene)}`));
  },
};

export const FICKLE: readonly Attack[] = [fickle];
