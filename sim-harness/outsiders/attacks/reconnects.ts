/** By a stolen member that comes back again and again: what it may send is counted by who it is, not by connection. */
import type { RegisterStatus } from '@shoal/agent/edge/http/api.types';
import { encodeFrame } from '@shoal/agent/edge/mesh/framing';
import { createSeal } from '@shoal/agent/edge/registers/seal';
import { encodeExchange, REGISTER_PROTOCOL } from '@shoal/protocol';
import type { LabNode } from '../../lab/index.ts';
import type { Attack, Scene } from '../attack.ts';
import type { Rogue } from '../rogue.ts';

/** What a node lets through of one peer (`edge/mesh/register-channel.ts`). */
const FRAMES = { burst: 512, perSecond: 64 };
/** In one connection: fewer than the burst, so that a limit of each connection would never stop them. */
const IN_ONE = 200;
/** So many connections after the one in which it was stopped, each with all of these. */
const MORE = 10;
/** A node that never stops them has taken more by then than it may in a minute and a half. */
const SENT_MAX = 6400;

const keyOf = (rogue: Rogue): string => `cordon/${rogue.id}`;

/** The counter of the newest register of the rogue that the node has taken. */
async function taken(node: LabNode, rogue: Rogue): Promise<number> {
  const all = await node.get<RegisterStatus[]>('/v1/registers');
  return all.find(r => r.key === keyOf(rogue))?.counter ?? 0;
}

/** A page with its register alone, as it was written for the `counter`th time. */
function page(rogue: Rogue, counter: number): Uint8Array {
  const draft = { key: keyOf(rogue), value: '', counter, author: rogue.id };
  const signature = createSeal(rogue.key).sign(draft);
  return encodeFrame(
    encodeExchange({ type: 'register-page', registers: [{ ...draft, signature, ageMs: 0 }] }),
  );
}

/**
 * One connection with a register in each frame, counted on from `first`; answers how many of them were taken. A node takes
 * them in their order up to the first that is too much, and closes the stream at that.
 */
async function connection(scene: Scene, rogue: Rogue, first: number): Promise<number> {
  const stream = await scene.until('it is let in again', () => rogue.stream(scene.target, REGISTER_PROTOCOL));
  for (let counter = first; counter < first + IN_ONE && stream.status === 'open'; counter++)
    stream.send(page(rogue, counter));
  const last = await scene.until('all of them are taken, or the stream is closed', async () => {
    const closed = stream.status !== 'open';
    const newest = await taken(scene.victim, rogue);
    return (closed || newest === first + IN_ONE - 1) && { newest };
  });
  await rogue.leave(scene.target);
  return Math.max(0, last.newest - first + 1);
}

/** The other nodes would hear of it within a minute, in the middle of another attack. */
async function tellOthers(scene: Scene, rogue: Rogue): Promise<void> {
  const counter = await taken(scene.victim, rogue);
  for (const node of scene.lab.nodes.filter(n => n !== scene.victim)) {
    const stream = await rogue.stream(scene.targetOf(node.name), REGISTER_PROTOCOL);
    stream.send(page(rogue, counter));
    await scene.until(`${node.name} has heard of it`, async () => (await taken(node, rogue)) >= counter);
  }
}

const registers: Attack = {
  name: 'reconnects',
  what: 'a member sends more registers than it may, and connects again and again to be counted afresh',
  said: /more than 64 messages a second/,
  // The register is the member's own to write, and stays. Measured: 290 KB for 606 times that it was written.
  leaves: { registers: 1, dbBytes: 786_432 },
  async run(scene) {
    const rogue = await scene.member();
    const begunMs = performance.now();
    let sent = 0;
    let count = 0;
    for (let stopped = 0; stopped < MORE && sent < SENT_MAX; sent += IN_ONE) {
      const now = await connection(scene, rogue, sent + 1);
      count += now;
      if (now < IN_ONE) stopped += 1;
    }
    const seconds = (performance.now() - begunMs) / 1000;
    const most = FRAMES.burst + FRAMES.perSecond * seconds;
    if (count > most) scene.blame(`${count} of ${sent} registers were taken, more than ${Math.round(most)}`);
    await tellOthers(scene, rogue);
  },
};

export const RECONNECTS: readonly Attack[] = [registers];
