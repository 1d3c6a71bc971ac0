/** By a stolen member that has kept what it heard: rightly signed reports, told again when they are not true any more. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterStatus } from '@shoal/agent/edge/http/api.types';
import { decodeLoadReport } from '@shoal/protocol';
import type { Attack, Scene } from '../attack.ts';
import type { Heard, Rogue } from '../rogue.ts';
import { carrying } from '../rpc.ts';
import { reportOf } from './reports.ts';

const AUTHOR = 'node1';
/** Gossipsub itself knows a message again for two minutes, unless it was restarted. Reports of the last heartbeats are
 * still offered by one peer to another, so that a captured one could come that way too. */
const NO_NEWS_MS = 9000;
const PERIOD_MS = 1000;

/** All that was heard of the author so far. */
function captured(scene: Scene, rogue: Rogue): Heard[] {
  const { id } = scene.targetOf(AUTHOR);
  return rogue.heard.filter(({ data }) => {
    const decoded = decodeLoadReport(data);
    return decoded.ok && decoded.value.node === id;
  });
}

async function capture(scene: Scene, rogue: Rogue): Promise<Heard[]> {
  await rogue.listen(scene.target);
  await rogue.listen(scene.targetOf(AUTHOR));
  await reportOf(scene, rogue, AUTHOR);
  return scene.until('some reports are captured', () => {
    const all = captured(scene, rogue);
    return all.length >= 3 && all;
  });
}

/** The reader has written down up to where it heard others: it does so once a period, between two of its reports. */
async function marked(scene: Scene, rogue: Rogue): Promise<void> {
  await sleep(2 * PERIOD_MS);
  const { seq } = await reportOf(scene, rogue, 'node0');
  await scene.until(
    'the reader has gone on',
    async () => (await reportOf(scene, rogue, 'node0')).seq >= seq + 3,
  );
}

async function tellAgain(scene: Scene, rogue: Rogue, messages: readonly Heard[]): Promise<void> {
  for (let turns = 0; turns < 5; turns++) {
    for (const { raw } of messages) await rogue.rpc(scene.target, carrying(raw));
    await sleep(400);
  }
}

/** What the restarted victim takes the author for, looked at while it is told again. */
async function watched(scene: Scene, work: () => Promise<void>): Promise<string[]> {
  const seen = new Set<string>();
  let over = false;
  const look = async () => {
    while (!over) {
      const status = await scene.victim.get<ClusterStatus>('/v1/status').catch(() => undefined);
      const author = status?.nodes.find(n => n.id === scene.targetOf(AUTHOR).id);
      if (author) seen.add(`${author.state} ${author.incarnation}`);
      await sleep(100);
    }
  };
  const looking = look();
  await work();
  over = true;
  await looking;
  return [...seen];
}

const going: Attack = {
  name: 'replay',
  what: 'a captured report is told again and again while its author goes on',
  said: undefined,
  async run(scene) {
    const rogue = await scene.member();
    const all = await capture(scene, rogue);
    await tellAgain(scene, rogue, all);
  },
};

/** `meanwhile`: done to the reader while its agent is down. */
export const replayAway = (meanwhile: (scene: Scene) => Promise<void>): Attack => ({
  name: 'replay-away',
  what: 'the author is gone, the reader was restarted: captured reports are told to it as news',
  said: /it is told again/,
  restarts: ['node0', AUTHOR],
  async run(scene) {
    const rogue = await scene.member();
    const all = await capture(scene, rogue);
    await scene.lab.kill(AUTHOR);
    await sleep(NO_NEWS_MS);
    await marked(scene, rogue);
    await scene.lab.kill('node0');
    await meanwhile(scene);
    await scene.lab.startAgent('node0');
    const seen = await watched(scene, () => tellAgain(scene, rogue, all));
    const alive = seen.filter(s => s.startsWith('awake'));
    if (alive.length > 0) scene.blame(`the dead ${AUTHOR} was taken for ${alive.join(', ')}`);
    await scene.lab.startAgent(AUTHOR);
    await scene.lab.converged();
  },
});

const earlier: Attack = {
  name: 'replay-earlier-life',
  what: 'author and reader were restarted: reports of the earlier life of the author are told again',
  said: /it is told again/,
  restarts: ['node0', AUTHOR],
  async run(scene) {
    const rogue = await scene.member();
    const all = await capture(scene, rogue);
    const life = (await reportOf(scene, rogue, AUTHOR)).incarnation;
    await sleep(NO_NEWS_MS);
    await scene.lab.kill(AUTHOR);
    await scene.lab.startAgent(AUTHOR);
    await scene.until(`the reader has heard the new life of ${AUTHOR}`, async () => {
      const { nodes } = await scene.victim.get<ClusterStatus>('/v1/status');
      return nodes.some(n => n.name === AUTHOR && n.incarnation > life);
    });
    await marked(scene, rogue);
    await scene.lab.kill('node0');
    await scene.lab.startAgent('node0');
    const seen = await watched(scene, () => tellAgain(scene, rogue, all));
    const old = seen.filter(s => s.endsWith(` ${life}`));
    if (old.length > 0) scene.blame(`${AUTHOR} was taken for its earlier life: ${old.join(', ')}`);
    await scene.lab.converged();
  },
};

export const REPLAYS: readonly Attack[] = [going, replayAway(async () => undefined), earlier];
