/** NBD addresses: `nbd://host[:port]/export`, `nbd+unix:///export?socket=/path` (the NBD project's doc/uri.md). */
export type NbdAddress =
  | { kind: 'tcp'; host: string; port: number; name: string }
  | { kind: 'unix'; socket: string; name: string };

const PORT = 10_809;
/** Without the comma that QEMU's options end with: a URL of this scheme may have it in its host. */
const HOST = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$/;

/** Undefined for what is no such address, or says more than Shoal passes on (a user, other parameters). */
export function nbdAddress(source: string): NbdAddress | undefined {
  if (!URL.canParse(source)) return undefined;
  const url = new URL(source);
  const { protocol, hostname, port, pathname, searchParams, hash, username, password } = url;
  if (hash || username || password) return undefined;
  const keys = [...searchParams.keys()];
  let name: string;
  try {
    name = decodeURIComponent(pathname.replace(/^\//, ''));
  } catch {
    return undefined;
  }
  if (protocol === 'nbd:' && HOST.test(hostname) && keys.length === 0) {
    return { kind: 'tcp', host: hostname.replace(/^\[|\]$/g, ''), port: port ? Number(port) : PORT, name };
  }
  const socket = searchParams.get('socket') ?? '';
  if (protocol === 'nbd+unix:' && hostname === '' && keys.length === 1 && socket) {
    return { kind: 'unix', socket, name };
  }
  return undefined;
}

/** `allowed`: entries of `vms.nbdHosts`: `host` for its every port, `host:port`, `unix`. */
export function nbdAllowed(address: NbdAddress, allowed: readonly string[]): boolean {
  if (address.kind === 'unix') return allowed.includes('unix');
  const { host, port } = address;
  const shown = host.includes(':') ? `[${host}]` : host;
  return [host, shown, `${shown}:${port}`].some(entry => allowed.includes(entry));
}
