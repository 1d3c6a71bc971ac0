/** By whoever reaches the HTTPS port and has many addresses: tokens that nobody made. */
import { randomBytes } from 'node:crypto';
import { request } from 'node:https';
import { inNetns, ip } from '../../lab/network.ts';
import type { Attack, Scene } from '../attack.ts';

/** On every node of the lab (`run.ts`). */
export const HTTPS_PORT = 7422;
/** Of this lab alone (RFC 4193), with many networks of 64 bits in it. */
const SITE = 'fd5a:686f:616c';
const VICTIM = `${SITE}:ffff::1`;
/** What one address, or one network of 64 bits, may guess (`edge/people/gate.ts`). */
const FAILURES = { burst: 10, perSecond: 1 / 6 };
const LINES = { burst: 64, perSecond: 0.2 };
/** Addresses of one network; each guesses once. */
const ONE = 40;
/** Networks with an address each; more than there are lines at once. */
const MANY = 100;

const addresses = {
  one: Array.from({ length: ONE }, (_, i) => `${SITE}:1::${(i + 1).toString(16)}`),
  many: Array.from({ length: MANY }, (_, i) => `${SITE}:${(i + 16).toString(16)}::1`),
};

/** The attacker, at the lab's bridge, and its victim are on one link in that site. */
async function withAddresses(scene: Scene, work: () => Promise<void>): Promise<void> {
  const { netns } = scene.victim;
  const bridge = scene.lab.state.network?.bridge ?? '';
  await inNetns(netns, 'ip', 'addr', 'add', `${VICTIM}/48`, 'dev', 'eth0', 'nodad');
  try {
    for (const address of [...addresses.one, ...addresses.many])
      await ip('addr', 'add', `${address}/48`, 'dev', bridge, 'nodad');
    await work();
  } finally {
    await ip('-6', 'addr', 'flush', 'dev', bridge, 'to', `${SITE}::/48`);
    await inNetns(netns, 'ip', 'addr', 'del', `${VICTIM}/48`, 'dev', 'eth0');
  }
}

/** With a token in the form of ours. Resolves with the status of the answer. */
function guess(localAddress: string): Promise<number> {
  const token = `shoal_${randomBytes(8).toString('hex')}_${randomBytes(32).toString('base64url')}`;
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        ...{ host: VICTIM, port: HTTPS_PORT, path: '/v1/tokens', localAddress, family: 6 },
        // Its certificate is its own making; who guesses does not care.
        rejectUnauthorized: false,
        agent: false,
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(30_000),
      },
      answer => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}

async function guesses(from: readonly string[]): Promise<{ judged: number; seconds: number }> {
  const begunMs = performance.now();
  let judged = 0;
  for (const address of from) {
    const status = await guess(address);
    if (status === 401) judged += 1;
    else if (status !== 429) throw new Error(`a wrong token was answered with ${status}`);
  }
  return { judged, seconds: (performance.now() - begunMs) / 1000 };
}

const tokens: Attack = {
  name: 'token-guesses',
  what: 'wrong tokens over HTTPS from many addresses of one network, and from many networks',
  said: /"event":"token-refused","from":"fd5a:686f:616c:1::\/64"/,
  async run(scene) {
    await withAddresses(scene, async () => {
      const begunMs = performance.now();
      const one = await guesses(addresses.one);
      const most = FAILURES.burst + FAILURES.perSecond * one.seconds;
      if (one.judged > most) scene.blame(`${one.judged} guesses from one network were judged, not ${most}`);
      const many = await guesses(addresses.many);
      if (many.judged < MANY) scene.blame(`${MANY - many.judged} were refused for what other networks did`);
      const lines = scene.lines().filter(line => line.event === 'token-refused').length;
      const told = LINES.burst + (LINES.perSecond * (performance.now() - begunMs)) / 1000;
      if (lines > told) scene.blame(`${lines} lines tell of wrong tokens, not ${told}`);
    });
  },
};

export const GUESSES: readonly Attack[] = [tokens];
