/** The first half of the configuration: this node, the mesh, who may ask, what the node has to give. */
import { choice, FULL_PATH, listOf, MULTIADDR, PATH, section, text, whole } from './kinds.ts';

const node = section('This node.', {
  name: text('Its name for people; one name, one node. Empty: the host name.', {
    default: '',
    pattern: '^([A-Za-z0-9][A-Za-z0-9.-]{0,62})?$',
    form: 'letters, digits, dots and hyphens, 63 at most',
  }),
  stateDir: text('Identity and database: what must outlive a reboot.', {
    default: '/var/lib/shoal',
    ...FULL_PATH,
  }),
  runDir: text('Sockets, pid files and sessions: what may go with a reboot.', {
    default: '/run/shoal',
    ...FULL_PATH,
  }),
});

const peer = section(
  'A member of the mesh.',
  {
    id: text('Its peer id, as `shoald --init` prints it there.', {
      pattern: '^[1-9A-HJ-NP-Za-km-z]{46,60}$',
      form: 'a peer id such as 12D3KooW… (52 characters)',
    }),
    addresses: listOf(
      'Where to dial it. Empty: it dials us.',
      text('A multiaddr without the /p2p/ part.', MULTIADDR),
    ),
  },
  ['id'],
);

const mesh = section('How this node hears of the others.', {
  listen: listOf('Where this node listens for peers.', text('A multiaddr.', MULTIADDR), [
    '/ip4/0.0.0.0/tcp/7420',
  ]),
  announce: listOf(
    'What others dial. Empty: the listen addresses, of every interface.',
    text('A multiaddr.', MULTIADDR),
  ),
  peers: listOf('The allow-list: nobody else is talked to. This node itself may stand in it.', peer),
  operators: listOf(
    'Keys that may change who is a member, by any of them; the same on every node. Empty: members are those in `peers` alone.',
    text("An operator's id, as `shoal keys make` prints it.", {
      pattern: '^[1-9A-HJ-NP-Za-km-z]{46,60}$',
      form: 'an id such as 12D3KooW… (52 characters)',
    }),
  ),
  reportIntervalMs: whole('A load report is published this often.', {
    unit: 'ms',
    default: 1000,
    minimum: 100,
    maximum: 60_000,
  }),
  staleAfterMs: whole(
    'A node that was silent for longer is stale: neither source nor target. Longer rides out lost reports, and notices a dead node later.',
    { unit: 'ms', default: 2500, minimum: 200, maximum: 600_000 },
  ),
});

const HOST_PORT = {
  pattern: '^$|^(\\[[0-9a-fA-F:]+\\]|[^:\\[\\]/\\s]+):[0-9]{1,5}$',
  form: 'host:port, or empty',
};
const http = section(
  'Plain HTTP: reads for everybody who reaches the port. HTTPS: reads and changes with a token.',
  {
    listen: text('Where to answer reads over plain HTTP. Empty: nowhere.', {
      default: '0.0.0.0:7421',
      ...HOST_PORT,
    }),
    https: text('Where to answer over HTTPS, such as 0.0.0.0:7422. Empty: nowhere.', {
      default: '',
      ...HOST_PORT,
    }),
    certificate: text(
      'PEM file with a certificate of yours, and those between it and its authority. Read again when it changes. Empty: the node makes its own, and `shoal status` shows its fingerprint.',
      { default: '', ...PATH },
    ),
    key: text('PEM file with the key of that certificate.', { default: '', ...PATH }),
  },
);

const control = section('Reads and changes for root and one group of this machine.', {
  socket: text('The unix socket, mode 0660.', { default: '/run/shoal/shoald.sock', ...FULL_PATH }),
  group: text('The group that may use it, by name. Empty: root alone.', { default: '' }),
});

const cpu = section('Which CPU time the VMs of this node have and use.', {
  source: choice(
    '`host`: /proc/stat. `cgroup`: the usage of one cgroup, for a node that shares its machine.',
    ['host', 'cgroup'],
    'host',
  ),
  cores: whole('Cores that VMs may use together; 100 % is all of them.', {
    unit: 'cores',
    default: 1,
    minimum: 1,
    maximum: 1024,
  }),
  coreSet: listOf(
    'With `host`: only these cores are read. Empty: all.',
    whole('A core by its number.', { unit: 'id', default: 0, minimum: 0, maximum: 8191 }),
  ),
  cgroup: text('With `cgroup`: a v1 cpuacct directory or a v2 directory.', { default: '', ...PATH }),
  vmCgroups: listOf('Cgroup directories that every VMM is put into.', text('A cgroup directory.', FULL_PATH)),
});

const memory = section('Memory for guests.', {
  ramDir: text('A directory on tmpfs that holds the RAM file of every VM.', {
    default: '/dev/shm/shoal',
    ...FULL_PATH,
  }),
  guestMemoryMib: whole('Memory for guests in all. 0: the size of that file system.', {
    unit: 'MiB',
    default: 0,
    minimum: 0,
    maximum: 67_108_864,
  }),
  reserveMib: whole('Kept free on this node by every move toward it.', {
    unit: 'MiB',
    default: 0,
    minimum: 0,
    maximum: 67_108_864,
  }),
});

export const ground = { node, mesh, http, control, cpu, memory };
