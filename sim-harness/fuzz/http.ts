/**
 * `npm run fuzz -- --http`: a real agent's API is asked whatever its OpenAPI document allows and forbids, over the unix
 * socket and over HTTPS with a token. It must answer as the document says, never fail inside, and stay the size it is.
 */
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { repositoryRoot } from '../guest/root.ts';
import { bringUp, type Lab, type LabNode } from '../lab/index.ts';
import { rssMib } from '../outsiders/watch.ts';
import { type Driven, drive, schemathesis } from './schemathesis.ts';

const HTTPS_PORT = 7422;
const GUEST_MEMORY_MIB = 256;
const RSS_GROWTH_MAX_MIB = 64;
const TAKEN_SHARE_MIN = 0.05;

/** `statuses`: how many answers there were of each HTTP status, by the agent's own count. */
export type Way = {
  over: string;
  cases: number;
  statuses: Record<string, number>;
  passed: boolean;
  output: string;
};
export type HttpReport = {
  ways: Way[];
  rssMib: { before: number; after: number };
  violations: string[];
};

export async function fuzzHttp({
  examples,
  seed,
  say,
}: {
  examples: number;
  seed: number;
  say: (line: string) => void;
}): Promise<HttpReport | { unavailable: string }> {
  let program: string;
  try {
    program = await schemathesis();
  } catch (error) {
    return { unavailable: (error as Error).message };
  }
  const lab = await bringUp({
    name: 'fuzzhttp',
    nodes: 1,
    driver: 'micro',
    net: 'loopback',
    link: 'none',
    cores: 'none',
    mode: 'observe',
    guestMemoryMib: GUEST_MEMORY_MIB,
    settings: { vms: { drivers: ['micro'] }, http: { https: `127.0.0.1:${HTTPS_PORT}` } },
  });
  const relay = await relayTo(lab.nodes[0]?.controlSocket ?? '');
  try {
    return await drivenBoth(lab, program, relay, { examples, seed, say });
  } finally {
    relay.close();
    await lab.down();
  }
}

async function drivenBoth(
  lab: Lab,
  program: string,
  relay: Server,
  { examples, seed, say }: { examples: number; seed: number; say: (line: string) => void },
): Promise<HttpReport> {
  const [node] = lab.nodes as [Lab['nodes'][0]];
  const pid = node.pid as number;
  const document = join(repositoryRoot(), 'docs', 'reference', 'openapi.json');
  const before = rssMib(pid);
  const ways: Way[] = [];
  const relayPort = (relay.address() as AddressInfo).port;
  const plain = async () => [];
  const withToken = async () => {
    // Made only now: whoever may revoke tokens over the socket has found and revoked every other.
    const made = await node.post<{ token: string }>('/v1/tokens', { name: 'fuzz', role: 'admin' });
    return [`Authorization: Bearer ${made.token}`];
  };
  for (const { over, listener, url, headers, without } of [
    {
      over: 'unix socket',
      listener: 'socket',
      url: `http://127.0.0.1:${relayPort}`,
      headers: plain,
      without: '',
    },
    {
      over: 'HTTPS',
      listener: 'https',
      url: `https://127.0.0.1:${HTTPS_PORT}`,
      headers: withToken,
      // It would take away its own.
      without: 'revoke',
    },
  ]) {
    const asked = { url, document, headers: await headers(), without, examples, seed };
    const driven: Driven = await drive(program, asked);
    const statuses = statusesOf(await metricsOf(node), listener);
    ways.push({ over, cases: driven.cases, statuses, passed: driven.code === 0, output: driven.output });
    say(`${over}: ${driven.cases} cases, exit code ${driven.code}, answers ${JSON.stringify(statuses)}`);
  }
  const violations = ways.filter(w => !w.passed).map(w => `${w.over}: ${w.output}`);
  for (const { over, cases, statuses } of ways) {
    const taken = Object.entries(statuses).filter(([status]) => status.startsWith('2'));
    const sum = taken.reduce((all, [, count]) => all + count, 0);
    // Where everything is refused at the door nothing behind it was tried.
    if (cases === 0 || sum < cases * TAKEN_SHARE_MIN)
      violations.push(`${over}: ${sum} of ${cases} cases were taken`);
  }
  if (node.pid !== pid) violations.push('the agent ended');
  const after = node.pid === pid ? rssMib(pid) : 0;
  if (after - before > RSS_GROWTH_MAX_MIB) violations.push(`its memory grew from ${before} to ${after} MiB`);
  for (const line of readFileSync(node.state.log, 'utf8').split('\n'))
    if (line.includes('request failed inside')) violations.push(line);
  return { ways, rssMib: { before, after }, violations };
}

/** A port on loopback that is the unix socket. */
async function relayTo(path: string): Promise<Server> {
  const server = createServer(near => {
    const far = connect(path);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const metricsOf = async (node: LabNode): Promise<string> => (await fetch(`${node.http}/metrics`)).text();

/** From Prometheus' text. Pure. */
export function statusesOf(metrics: string, listener: string): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [, labels = '', count] of metrics.matchAll(/^shoal_http_requests_total\{([^}]*)\} (\d+)/gm)) {
    const status = /status="(\d+)"/.exec(labels)?.[1];
    if (status && labels.includes(`listener="${listener}"`)) found[status] = Number(count);
  }
  return found;
}
