/** On a handoff between two others, while it is live: who has no part in it says all that either side could say. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import { encodeFrame } from '@shoal/agent/edge/mesh/framing';
import { encodeHandoff, STREAM_PROTOCOL } from '@shoal/protocol';
import type { Attack, Scene } from '../attack.ts';
import type { Rogue } from '../rogue.ts';
import { arrived, moving, PARTS, removed, sidesOf } from './bait.ts';
import { everyWord } from './every-word.ts';

type Live = Awaited<ReturnType<typeof moving>>;
type Part = (typeof PARTS)[number];

const CLOSE_MS = 5000;
const WITH_ANOTHER = 'message refused: that handoff is not with this peer';

/** As the other side would say it: to this life of the node, and of the life that the other one has. */
async function say(scene: Scene, rogue: Rogue, { handoff, vm }: Live, to: Part): Promise<void> {
  const { nodes } = await scene.lab.node(to).get<ClusterStatus>('/v1/status');
  const lifeOf = (name: string) => nodes.find(n => n.name === name)?.incarnation ?? 0;
  const other = PARTS.find(part => part !== to) as Part;
  const head = { handoff, vm, incarnation: lifeOf(other), peerIncarnation: lifeOf(to), deadlineMs: 60_000 };
  const stream = await rogue.stream(scene.targetOf(to), STREAM_PROTOCOL);
  for (const word of everyWord(head))
    if (stream.status === 'open') stream.send(encodeFrame(encodeHandoff(word)));
  await sleep(500);
  // Whose link is cut meanwhile may never be done with closing.
  await stream.close({ signal: AbortSignal.timeout(CLOSE_MS) }).catch(() => undefined);
}

/** A link that is full of pages may cost the rogue its connection: then all is said again over the next one. */
const allSaid = (scene: Scene, rogue: Rogue, live: Live, to: Part): Promise<true> =>
  scene.until(`every word is said to ${to}`, () => say(scene, rogue, live, to).then(() => true as const));

/** The source has begun, the target has its VMM, and neither has ended it. */
async function isLive(scene: Scene, { handoff }: Live): Promise<boolean> {
  const sides = await sidesOf(scene, handoff);
  return sides.every(s => s.at.listening >= 0 && s.outcome === '');
}

const hasRefused = (scene: Scene, { id }: Rogue, { handoff }: Live, node: Part): boolean =>
  scene.lines(node).some(line => line.msg === WITH_ANOTHER && line.peer === id && line.handoff === handoff);

/** All words were heard when each node has said that they are not that peer's to say; or they have ended the handoff. */
async function heard(scene: Scene, rogue: Rogue, live: Live, engine: string): Promise<void> {
  const [source, target] = await scene.until('both nodes have heard what is said', async () => {
    const sides = await sidesOf(scene, live.handoff);
    const over = sides.some(s => s.outcome !== '');
    return (over || PARTS.every(node => hasRefused(scene, rogue, live, node))) && sides;
  });
  if (source?.outcome === 'done' || (engine === 'precopy' && (target?.at.committed ?? 0) >= 0))
    throw new Error('the move was over, or its VM switched over, before all was said');
}

async function refused(scene: Scene, live: Live): Promise<void> {
  const stranger = await scene.outsider();
  for (const to of PARTS) {
    const letIn = await say(scene, stranger, live, to).then(
      () => true,
      () => false,
    );
    if (letIn) scene.blame(`${to} listened to an outsider`);
  }
}

const meddler: Attack = {
  name: 'meddler',
  what: 'a member, and an outsider, say every word of a live handoff between two others, to both: before the switch, and after',
  said: /that handoff is not with this peer/,
  async run(scene) {
    const rogue = await scene.member();
    for (const engine of ['precopy', 'postcopy'] as const) {
      try {
        const live = await moving(scene, engine);
        await scene.until('the move is under way', () => isLive(scene, live));
        for (const to of PARTS) await allSaid(scene, rogue, live, to);
        await heard(scene, rogue, live, engine);
        if (engine === 'postcopy') await refused(scene, live);
        await arrived(scene, live.handoff);
        for (const node of PARTS)
          if (!hasRefused(scene, rogue, live, node)) scene.blame(`${node} refused no word about the move`);
      } finally {
        await removed(scene);
      }
    }
  },
};

/** The same words to the target, by who has the source's own key: the move cannot end as if nothing had been. */
export const part = (begin: (scene: Scene) => Promise<Rogue>): Attack => ({
  ...meddler,
  async run(scene) {
    const rogue = await begin(scene);
    try {
      const live = await moving(scene, 'precopy');
      await scene.until('the move is under way', () => isLive(scene, live));
      await allSaid(scene, rogue, live, 'node1');
      await arrived(scene, live.handoff);
    } finally {
      await rogue.stop();
      await removed(scene);
    }
  },
});

export const MEDDLERS: readonly Attack[] = [meddler];
