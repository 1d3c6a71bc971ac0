/** What must hold between keys. Each check is asked even when another failed, so that all faults come at once. */
import type { Fault } from './faults.ts';
import { capFault, type LimitFault, windowFault } from './page-limits.ts';
import { powerFaults } from './relations-power.ts';
import type { Config } from './schema.ts';

/** Linux: `sun_path` has 108 bytes with the closing zero (unix(7)). */
const SOCKET_PATH_MAX_BYTES = 107;
/** What follows the run directory at most: `/vms/<36 of a UUID>/console.sock`. */
const BELOW_RUN_DIR_BYTES = 5 + 36 + 13;

/** `keys` are those that it compares: it is not asked when one of them is faulty by itself. */
type Relation = { keys: string[]; judge(c: Config): Fault | undefined | false };

const fault = (path: string, what: string, todo: string): Fault => ({ path, what, todo });
const at = (path: string, found: LimitFault | undefined): Fault | undefined => found && { path, ...found };

const RELATIONS: readonly Relation[] = [
  {
    keys: ['migration.bulkWindowBytes'],
    judge: ({ migration }) => at('migration.bulkWindowBytes', windowFault(migration.bulkWindowBytes)),
  },
  {
    keys: ['migration.bulkBytesPerSecond'],
    judge: ({ migration }) => at('migration.bulkBytesPerSecond', capFault(migration.bulkBytesPerSecond)),
  },
  {
    keys: ['mesh.staleAfterMs', 'mesh.reportIntervalMs'],
    judge: ({ mesh: { staleAfterMs, reportIntervalMs } }) =>
      staleAfterMs < 2 * reportIntervalMs &&
      fault(
        'mesh.staleAfterMs',
        `${staleAfterMs} ms is less than two reports (mesh.reportIntervalMs: ${reportIntervalMs}): one lost report would make a node stale`,
        `Give ${2 * reportIntervalMs} or more`,
      ),
  },
  {
    keys: ['windowMs', 'mesh.reportIntervalMs'],
    judge: ({ windowMs, mesh }) =>
      windowMs < mesh.reportIntervalMs &&
      fault(
        'windowMs',
        `${windowMs} ms is shorter than the time between reports (mesh.reportIntervalMs: ${mesh.reportIntervalMs})`,
        `Give ${mesh.reportIntervalMs} or more`,
      ),
  },
  {
    keys: ['policy.idlePercent', 'policy.overloadPercent', 'policy.packMarginPercent'],
    judge: ({ policy: { idlePercent, overloadPercent, packMarginPercent } }) =>
      idlePercent >= overloadPercent - packMarginPercent &&
      fault(
        'policy.idlePercent',
        `${idlePercent} % is not below what packing fills up to (overloadPercent ${overloadPercent} - packMarginPercent ${packMarginPercent} = ${overloadPercent - packMarginPercent} %): a packed node could be idle still`,
        `Give less than ${overloadPercent - packMarginPercent}, or change the other two`,
      ),
  },
  {
    keys: ['policy.activeVmPercent', 'policy.overloadPercent'],
    judge: ({ policy: { activeVmPercent, overloadPercent } }) =>
      activeVmPercent >= overloadPercent &&
      fault(
        'policy.activeVmPercent',
        `${activeVmPercent} % is not below overloadPercent (${overloadPercent} %): no VM could be counted active in time`,
        `Give less than ${overloadPercent}`,
      ),
  },
  {
    keys: ['cpu.source', 'cpu.cgroup'],
    judge: ({ cpu }) =>
      cpu.source === 'cgroup' &&
      cpu.cgroup === '' &&
      fault(
        'cpu.cgroup',
        'cpu.source is cgroup, but none is named',
        'Name its directory, or set source to host',
      ),
  },
  {
    keys: ['cpu.source', 'cpu.cgroup'],
    judge: ({ cpu }) =>
      cpu.source === 'host' &&
      cpu.cgroup !== '' &&
      fault('cpu.cgroup', 'it is not read while cpu.source is host', 'Set source to cgroup, or remove it'),
  },
  {
    keys: ['cpu.source', 'cpu.coreSet'],
    judge: ({ cpu }) =>
      cpu.source === 'cgroup' &&
      cpu.coreSet.length > 0 &&
      fault('cpu.coreSet', 'it is not read while cpu.source is cgroup', 'Remove it, or set source to host'),
  },
  {
    keys: ['cpu.source', 'cpu.coreSet', 'cpu.cores'],
    judge: ({ cpu }) =>
      cpu.source === 'host' &&
      cpu.coreSet.length > 0 &&
      cpu.cores > cpu.coreSet.length &&
      fault(
        'cpu.cores',
        `${cpu.cores} cores for VMs, but only ${cpu.coreSet.length} of them are read (cpu.coreSet)`,
        `Give ${cpu.coreSet.length} or less, or name more cores`,
      ),
  },
  {
    keys: ['memory.guestMemoryMib', 'memory.reserveMib'],
    judge: ({ memory: { guestMemoryMib, reserveMib } }) =>
      guestMemoryMib > 0 &&
      reserveMib >= guestMemoryMib &&
      fault(
        'memory.reserveMib',
        `${reserveMib} MiB reserved of ${guestMemoryMib} MiB (memory.guestMemoryMib) leave nothing for guests`,
        `Give less than ${guestMemoryMib}`,
      ),
  },
  {
    keys: ['vms.runAs'],
    judge: ({ vms: { runAs } }) =>
      (runAs.uid === 0) !== (runAs.gid === 0) &&
      fault(
        runAs.gid === 0 ? 'vms.runAs.gid' : 'vms.runAs.uid',
        `uid ${runAs.uid} with gid ${runAs.gid}: VMs run as a user and a group of their own, or as the agent does`,
        'Give both, or neither',
      ),
  },
  {
    keys: ['http.certificate', 'http.key'],
    judge: ({ http: { certificate, key } }) =>
      (certificate === '') !== (key === '') &&
      fault(
        certificate === '' ? 'http.certificate' : 'http.key',
        'a certificate and its key go together',
        'Name both, or neither: then the node makes its own',
      ),
  },
  {
    keys: ['http.https', 'http.certificate'],
    judge: ({ http: { https, certificate } }) =>
      https === '' &&
      certificate !== '' &&
      fault('http.certificate', 'it is not used while http.https is empty', 'Give http.https, or remove it'),
  },
  {
    keys: ['http.https', 'http.listen'],
    judge: ({ http: { https, listen } }) =>
      portOf(https) !== 0 &&
      portOf(https) === portOf(listen) &&
      fault('http.https', `http.listen has port ${portOf(https)} too`, 'Give one of them another port'),
  },
  {
    keys: ['control.socket'],
    judge: ({ control }) => tooLong('control.socket', control.socket, 0),
  },
  {
    keys: ['node.runDir'],
    judge: ({ node }) => tooLong('node.runDir', node.runDir, BELOW_RUN_DIR_BYTES),
  },
  ...(['listen', 'https'] as const).map(
    (key): Relation => ({
      keys: [`http.${key}`, 'mesh.listen'],
      judge: ({ http, mesh }) => {
        const port = portOf(http[key]);
        const clash = mesh.listen.some(address => Number(address.split('/').at(-1)) === port);
        return (
          port !== 0 &&
          clash &&
          fault(`http.${key}`, `mesh.listen has port ${port} too`, 'Give one of them another port')
        );
      },
    }),
  ),
  {
    keys: ['mesh.peers', 'mesh.listen', 'migration.address'],
    judge: ({ mesh, migration: { address } }) =>
      mesh.peers.length > 0 &&
      LOOPBACK.test(address) &&
      !mesh.listen.every(at => LOOPBACK.test(at.split('/')[2] ?? '')) &&
      fault(
        'migration.address',
        `${address} is this machine alone: no peer could send it a VM`,
        'Give the address of this node on the fastest network that it shares with its peers',
      ),
  },
  {
    keys: ['mesh.peers'],
    judge: ({ mesh }) => {
      const ids = mesh.peers.map(p => p.id);
      const twice = ids.find((peer, i) => ids.indexOf(peer) !== i);
      return (
        twice !== undefined && fault('mesh.peers', `${twice} stands here twice`, 'Remove one of the entries')
      );
    },
  },
];

/** `faulty`: keys with a fault of their own. */
export function relationFaults(config: Config, faulty: readonly string[]): Fault[] {
  const sound = (key: string) => !faulty.some(f => f === key || f.startsWith(`${key}.`));
  const asked = RELATIONS.filter(r => r.keys.every(sound));
  return [
    ...[...portFaults(config), ...powerFaults(config)].filter(f => sound(f.path)),
    ...asked.map(r => r.judge(config)).filter(found => !!found),
  ];
}

function tooLong(path: string, value: string, belowBytes: number): Fault | undefined {
  const max = SOCKET_PATH_MAX_BYTES - belowBytes;
  const bytes = new TextEncoder().encode(value).length;
  if (bytes <= max) return undefined;
  const why = `paths of unix sockets end at ${SOCKET_PATH_MAX_BYTES} bytes`;
  return fault(path, `${bytes} bytes are too long: ${why}`, `Give a path of ${max} bytes or less`);
}

const LOOPBACK = /^(127\.|::1$|localhost$)/;

const portOf = (hostPort: string): number => Number(/:(\d+)$/.exec(hostPort)?.[1] ?? 0);

const PORT_MAX = 65_535;

function portFaults({ http, mesh }: Config): Fault[] {
  const named: [string, number][] = [
    ['http.listen', portOf(http.listen)],
    ['http.https', portOf(http.https)],
    ...[...mesh.listen.entries()].map(([i, a]): [string, number] => [
      `mesh.listen.${i}`,
      Number(a.split('/').at(-1)),
    ]),
  ];
  return named
    .filter(([, port]) => port > PORT_MAX)
    .map(([path, port]) => fault(path, `there is no port ${port}`, `Give 1 to ${PORT_MAX}`));
}
