/** The mesh as seen from this node: does the agent listen, do its peers answer, are they heard. */
import { createConnection } from 'node:net';
import type { Config } from '../../config/config.ts';
import type { ClusterStatus } from '../http/api.types.ts';
import { type Check, fail, ok, warn } from './check.ts';

/** A dropped packet is sent again after 1 and 3 s; a port behind a silent firewall never answers. */
const CONNECT_TIMEOUT_MS = 2000;

export type Endpoint = { host: string; port: number };

/** Host and port of `/ip4/198.18.0.1/tcp/7420`; what is not TCP is left out. */
export function endpointOf(multiaddr: string): Endpoint | undefined {
  const [, kind, host, transport, port] = multiaddr.split('/');
  if (!host || transport !== 'tcp' || !/^(ip4|ip6|dns|dns4|dns6)$/.test(kind ?? '')) return undefined;
  return { host, port: Number(port) };
}

/** "Every address" is no address to connect to. */
const reachable = ({ host, port }: Endpoint): Endpoint => ({
  host: host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host,
  port,
});

export function connects({ host, port }: Endpoint): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createConnection({ host, port, timeout: CONNECT_TIMEOUT_MS });
    const end = (answer: boolean) => () => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });
}

const shown = ({ host, port }: Endpoint): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** Port 0 is "any": there is nothing to knock at. */
export async function listenCheck({ mesh }: Pick<Config, 'mesh'>, agentAnswers: boolean): Promise<Check> {
  const name = 'mesh port';
  const all = mesh.listen.map(endpointOf).filter(e => e !== undefined);
  const at = all.filter(e => e.port > 0).map(reachable);
  const open = await Promise.all(at.map(connects));
  const list = (wanted: boolean) =>
    at
      .filter((_, i) => open[i] === wanted)
      .map(shown)
      .join(', ');
  if (at.length === 0) return ok(name, 'any free port');
  if (agentAnswers) {
    if (open.every(Boolean)) return ok(name, `the agent listens on ${list(true)}`);
    return fail(
      name,
      `the agent runs, but ${list(false)} does not answer`,
      'Compare mesh.listen with the configuration that the agent was started with',
    );
  }
  if (open.some(Boolean))
    return warn(name, `${list(true)} answers, but no agent does`, 'See who has the port: ss -ltnp');
  return ok(name, `${list(false)} is free`);
}

/** One row a peer of the allow-list: heard, silent, or not even its port answers. */
export async function peerChecks(
  { mesh }: Pick<Config, 'mesh'>,
  status: ClusterStatus | undefined,
): Promise<Check[]> {
  if (mesh.peers.length === 0) return [ok('peers', 'none on the allow-list: a mesh of one node')];
  return Promise.all(
    mesh.peers.map(async ({ id, addresses }) => {
      const heard = status?.nodes.find(n => n.id === id);
      const name = `peer ${heard?.name || id.slice(-8)}`;
      if (heard?.state === 'awake') return ok(name, `heard ${(heard.ageMs / 1000).toFixed(1)} s ago`);
      const at = addresses.map(endpointOf).filter(e => e !== undefined);
      const open = (await Promise.all(at.map(connects))).some(Boolean);
      const places = at.map(shown).join(', ') || 'no address is configured';
      if (!status)
        return open
          ? ok(name, `its port answers (${places})`)
          : warn(name, `its port does not answer (${places})`, 'See that node, its firewall, and mesh.peers');
      const silent =
        heard && heard.ageMs >= 0 ? `silent for ${Math.round(heard.ageMs / 1000)} s` : 'never heard of';
      if (at.length === 0)
        return warn(
          name,
          `${silent}; ${places}`,
          'Give its addresses in mesh.peers, or let it dial this node',
        );
      return open
        ? warn(
            name,
            `${silent}, though its port answers (${places})`,
            "See whether this node's id is in its mesh.peers, and its log",
          )
        : warn(
            name,
            `${silent}; its port does not answer (${places})`,
            'See that node, the link and its firewall',
          );
    }),
  );
}
