/** Against a page server at work: by whoever reaches its port, and by a member that has no part in the handoff. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { HandoffStatus } from '@shoal/agent/edge/http/api.types';
import { encodeFrame } from '@shoal/agent/edge/mesh/framing';
import { encodeHandoff, STREAM_PROTOCOL } from '@shoal/protocol';
import { repositoryRoot } from '../../guest/root.ts';
import { inNetns } from '../../lab/network.ts';
import type { Attack, Scene } from '../attack.ts';

const exec = promisify(execFile);
const NATIVE = join(repositoryRoot(), 'agent', 'native');
const FILLED_MIB = 24;
/** The mesh and HTTP; what else listens in the namespace of a node is its page server. */
const KNOWN_PORTS = ['7420', '7421'];

/** A VM of its own moves from node0 to node1, slowly (`migration.bulkBytesPerSecond` of the lab). Answers the handoff. */
async function moving({ lab }: Scene): Promise<string> {
  await lab.runVm('node0', { name: 'bait', memoryMib: 64 });
  await (await lab.guest('bait')).command(`fill ${FILLED_MIB}`);
  const { handoff } = await lab
    .node('node0')
    .post<{ handoff: string }>('/v1/vms/bait/actions/migrate', { node: 'node1' });
  return handoff;
}

const portOf = ({ lab, until }: Scene): Promise<number> =>
  until('the page server listens', async () => {
    const text = await inNetns(lab.node('node1').netns, 'ss', '-Htln');
    const ports = [...text.matchAll(/:(\d+)\s+\S+:\*/g)].map(m => m[1] as string);
    const port = ports.find(p => !KNOWN_PORTS.includes(p));
    return port === undefined ? undefined : Number(port);
  });

/** The certificate that the source shows to the target; whoever watches a handshake of TLS 1.2 would see it. */
function certificateOf({ lab }: Scene, handoff: string): string {
  return join(lab.node('node0').runDir, 'h', handoff.slice(0, 8), 'cert.der');
}

async function stranger(scene: Scene, port: number, cert: string, key: string): Promise<string> {
  const build = ['build', '--release', '--quiet', '--manifest-path', join(NATIVE, 'Cargo.toml')];
  await exec('cargo', [...build, '-p', 'shoal-pages', '--example', 'stranger']);
  const program = join(NATIVE, 'target', 'release', 'examples', 'stranger');
  const address = scene.lab.node('node1').address;
  return (await exec(program, [address, String(port), cert, key])).stdout.trim();
}

/** What the page server itself has written down so far. */
function saidByPages({ lab }: Scene): string {
  const root = join(lab.node('node1').runDir, 'h');
  const logs = readdirSync(root).map(name => join(root, name, 'log'));
  return logs
    .filter(log => existsSync(log))
    .map(log => readFileSync(log, 'utf8'))
    .join('');
}

const certificate: Attack = {
  name: 'certificate',
  what: 'memory is asked for with a certificate that was seen, without its key; with another one; without TLS',
  said: undefined,
  async run(scene) {
    const { lab } = scene;
    const dir = mkdtempSync(join(tmpdir(), 'shoal-stranger-'));
    try {
      await exec(join(NATIVE, 'target', 'release', 'shoal-pages'), ['init', join(dir, 'own')]);
      const key = join(dir, 'own', 'key.der');
      const handoff = await moving(scene);
      const port = await portOf(scene);
      for (const cert of [certificateOf(scene, handoff), join(dir, 'own', 'cert.der')]) {
        const answer = await stranger(scene, port, cert, key);
        if (answer !== 'refused') scene.blame(`with ${cert} a stranger was ${answer}`);
      }
      const plain = connect({ host: lab.node('node1').address, port });
      plain.on('error', () => undefined);
      plain.write(Buffer.alloc(1_000_000, 1));
      await scene.until('the page server says that it refused strangers', () =>
        /stranger/.test(saidByPages(scene)),
      );
      plain.destroy();
      await arrived(scene, handoff);
    } finally {
      rmSync(dir, { recursive: true, force: true });
      await lab
        .node('node1')
        .post('/v1/vms/bait/actions/destroy')
        .catch(() => undefined);
    }
  },
};

/** The move that was attacked ends as if nothing had been. */
async function arrived(scene: Scene, handoff: string): Promise<void> {
  const { lab, until } = scene;
  const ends = await until('the move has ended', async () => {
    const ask = (node: string) => lab.node(node).get<HandoffStatus>(`/v1/handoffs/${handoff}`);
    const sides = await Promise.all(['node0', 'node1'].map(ask));
    return sides.every(s => s.outcome !== '') && sides.map(s => s.outcome);
  });
  if (ends.join() !== 'done,done') scene.blame(`the move that was attacked ended as ${ends.join(' and ')}`);
  const bad = await (await lab.guest('bait')).verify(100);
  if (bad !== 0) scene.blame(`${bad} pages of its guest are bad`);
}

const meddler: Attack = {
  name: 'meddler',
  what: 'a member says the words of a handoff between two others: abort, run, transferred, not-run',
  said: /that handoff is not with this peer/,
  async run(scene) {
    const { lab } = scene;
    const rogue = await scene.member();
    try {
      const handoff = await moving(scene);
      const { vm } = await lab.node('node0').get<HandoffStatus>(`/v1/handoffs/${handoff}`);
      const head = { handoff, vm, incarnation: 1, peerIncarnation: 0, deadlineMs: 0 };
      for (const to of ['node0', 'node1']) {
        const stream = await rogue.stream(scene.targetOf(to), STREAM_PROTOCOL);
        for (const said of [
          { ...head, type: 'abort' as const, reason: 'no' },
          { ...head, type: 'run' as const, epoch: 2 },
          { ...head, type: 'not-run' as const, reason: 'no' },
          { ...head, type: 'transferred' as const },
          { ...head, type: 'transferred' as const, vm: randomUUID() },
        ])
          stream.send(encodeFrame(encodeHandoff(said)));
      }
      await sleep(1000);
      await arrived(scene, handoff);
    } finally {
      await lab
        .node('node1')
        .post('/v1/vms/bait/actions/destroy')
        .catch(() => undefined);
    }
  },
};

export const PAGES: readonly Attack[] = [certificate, meddler];
