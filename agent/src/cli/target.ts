/** Which agent is asked, and the way to it. */
import { isIP, type Socket } from 'node:net';
import { ShoalError } from '../errors.ts';

/** Everything but `socket` may be empty. `actor`: who asks, for the audit log of the agent of this machine. */
export type Place = {
  socket: string;
  /** `http://host:port` or `https://host:port` instead of the socket. */
  node: string;
  tokenFile: string;
  fingerprint: string;
  actor: string;
};

export type Target = {
  by: 'socket' | 'http' | 'https';
  /** Options for node:http. Over HTTPS the certificate is checked before they are given, so before anything is sent. */
  connect(timeoutMs: number): Promise<object>;
};

const usage = (what: string, where: string, todo: string): ShoalError =>
  new ShoalError('SHOAL_CLI_USAGE', what, where, todo);

/** Throws SHOAL_CLI_USAGE. */
export function targetOf(place: Place): Target {
  const { socket, node, tokenFile, fingerprint } = place;
  const at = node === '' ? undefined : hostOf(node);
  const pin = fingerprint === '' ? '' : pinOf(fingerprint);
  if (!at) {
    if (pin) throw usage('a fingerprint is for https://', '--fingerprint', 'Add --node https://host:port');
    return { by: 'socket', connect: async () => ({ socketPath: socket }) };
  }
  const { secure, hostname, port } = at;
  if (!secure) {
    if (pin) throw usage('a fingerprint is for https://', `--node ${node}`, 'Write https://host:port');
    if (tokenFile) {
      const what = 'over plain HTTP everybody on the way could read the token';
      throw usage(what, `--node ${node}`, 'Write https://host:port, or leave --token-file out');
    }
    return { by: 'http', connect: async () => ({ hostname, port }) };
  }
  if (!tokenFile)
    throw usage(
      'over HTTPS a token is needed',
      `--node ${node}`,
      'Add --token-file; `shoal token create` makes one',
    );
  return {
    by: 'https',
    async connect(timeoutMs) {
      const { checked } = await import('./pinned.ts');
      const name = isIP(hostname) ? '' : hostname;
      const made: Socket = await checked({ host: hostname, port: Number(port), name, pin, timeoutMs }, place);
      // Node asks `createConnection` only where there is no agent, not even `false` (http.request, options).
      return { hostname, port, agent: undefined, createConnection: () => made };
    },
  };
}

function hostOf(node: string): { secure: boolean; hostname: string; port: string } {
  const at = URL.canParse(node) ? new URL(node) : undefined;
  const secure = at?.protocol === 'https:';
  if (
    at &&
    (secure || at.protocol === 'http:') &&
    at.pathname === '/' &&
    at.search === '' &&
    at.username === ''
  ) {
    const port = at.port || (secure ? '443' : '80');
    return { secure, hostname: at.hostname.replace(/^\[|\]$/g, ''), port };
  }
  throw usage(
    'that is no address of a node',
    `--node ${node}`,
    'Write http://host:port or https://host:port',
  );
}

/** As `shoal status` shows it, or as openssl writes it: hex digits, with or without colons. */
function pinOf(text: string): string {
  const digits = text
    .replace(/^sha256:/i, '')
    .replaceAll(':', '')
    .toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digits)) return `sha256:${digits}`;
  throw usage('that is no fingerprint', '--fingerprint', 'Write it as `shoal status` shows it: sha256:…');
}

const WHY: Record<string, string> = {
  ENOENT: 'there is no such socket',
  ECONNREFUSED: 'nobody listens there',
  EACCES: 'this user may not use the socket',
  EPERM: 'this user may not use the socket',
};

export function unreachable({ socket, node }: Place, cause: NodeJS.ErrnoException): ShoalError {
  const denied = cause.code === 'EACCES' || cause.code === 'EPERM';
  const local = denied
    ? 'Run it as root, or as a member of control.group'
    : 'See `systemctl status shoald`, or name another --socket';
  const what = `no agent answers: ${WHY[cause.code ?? ''] ?? cause.message}`;
  const key = node.startsWith('https:') ? 'http.https' : 'http.listen';
  const todo = node ? `See \`systemctl status shoald\` on that node, and its ${key}` : local;
  return new ShoalError('SHOAL_CLI_UNREACHABLE', what, node || socket, todo, { cause });
}
