/** Against a page server at work, by whoever reaches its port. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '../../guest/root.ts';
import { inNetns } from '../../lab/network.ts';
import type { Attack, Scene } from '../attack.ts';
import { arrived, moving, removed } from './bait.ts';

const exec = promisify(execFile);
const NATIVE = join(repositoryRoot(), 'agent', 'native');
/** The mesh, HTTP and HTTPS; what else listens in the namespace of a node is its page server. */
const KNOWN_PORTS = ['7420', '7421', '7422'];

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
  said: /shoal-pages: stranger: /,
  async run(scene) {
    const { lab } = scene;
    const dir = mkdtempSync(join(tmpdir(), 'shoal-stranger-'));
    try {
      await exec(join(NATIVE, 'target', 'release', 'shoal-pages'), ['init', join(dir, 'own')]);
      const key = join(dir, 'own', 'key.der');
      const { handoff } = await moving(scene);
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
      scene.told(saidByPages(scene));
      plain.destroy();
      await arrived(scene, handoff);
    } finally {
      rmSync(dir, { recursive: true, force: true });
      await removed(scene);
    }
  },
};

export const PAGES: readonly Attack[] = [certificate];
