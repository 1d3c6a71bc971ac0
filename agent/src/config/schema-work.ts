/** The second half of the configuration: VMs, moves, the rule and what is kept. */
import { choice, FULL_PATH, listOf, PATH, section, text, whole } from './kinds.ts';
import { BYTES_PER_SECOND_MAX, WINDOW_MAX_BYTES } from './page-limits.ts';

const id = (description: string) =>
  whole(description, { unit: 'id', default: 0, minimum: 0, maximum: 4_294_967_294 });

const vms = section('What a VM on this node may be made of: a target judges every spec by its own lists.', {
  accel: choice('`auto`: KVM where it works, else TCG (slow).', ['auto', 'kvm', 'tcg'], 'auto'),
  runAs: section('The user that runs VMs.', {
    uid: id('User that QEMU and the page server run as. 0: as the agent, for trying out only.'),
    gid: id('Group that they run as.'),
  }),
  qemu: text('The QEMU to run: a path, or a name on the PATH. 7.2 or newer; 7.2 and 10.0 are tested.', {
    default: 'qemu-system-x86_64',
  }),
  diskRoots: listOf('Disk images must be below one of these.', text('A directory.', FULL_PATH)),
  nbdHosts: listOf(
    'NBD servers that disks may come from: a host for its every port, host:port, or `unix` for sockets below `diskRoots`.',
    text('A server.', {
      pattern: '^([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?$',
      form: 'host, host:port or unix',
    }),
  ),
  bridges: listOf(
    'Bridges that a VM may be attached to.',
    text('A network device.', { pattern: '^[A-Za-z0-9._-]{1,15}$', form: 'the name of a network device' }),
  ),
  machines: listOf('QEMU machine types.', choice('A machine type.', ['pc', 'q35', 'microvm'], 'pc'), [
    'pc',
    'q35',
    'microvm',
  ]),
  drivers: listOf(
    'VMMs; `micro` is the small guest of the tests.',
    choice('A VMM.', ['qemu', 'micro'], 'qemu'),
    ['qemu'],
  ),
  kernelRoots: listOf('Kernels and initrds must be below one of these.', text('A directory.', FULL_PATH)),
});

const timeout = (description: string) =>
  whole(description, { unit: 'ms', default: 30_000, minimum: 1000, maximum: 3_600_000 });

const migration = section('How a VM is handed over.', {
  engine: choice(
    '`postcopy`: it runs on the target at once, its pages follow. `warm`: most pages before, see `packingEngine`. `precopy`: pages first. `qemu-postcopy`: QEMU’s own post-copy, for comparison; it cannot be rolled back once device state is sent.',
    ['postcopy', 'warm', 'precopy', 'qemu-postcopy'],
    'postcopy',
  ),
  packingEngine: choice(
    'The same for moves that no overload waits for, to pack and to drain, where `engine` is `postcopy`. `warm`: its pages go ahead while it still runs on the source, then it is switched, and what it wrote meanwhile follows.',
    ['warm', 'postcopy'],
    'warm',
  ),
  address: text('Where sources reach this node for memory: an address of the fast network.', {
    default: '127.0.0.1',
    pattern: '^[0-9A-Za-z.:-]+$',
    form: 'an IP address or a host name',
  }),
  prepareTimeoutMs: timeout(
    'From offer to the command to migrate; then the source gives up and keeps the VM.',
  ),
  switchTimeoutMs: timeout('From that command to the commit; then the source gives up and keeps the VM.'),
  order: choice(
    'What follows of its memory while nobody waits for a page. `sequential`: by address. `windows`: first what lies behind pages it waited for. `hot`: then what it wrote most before it moved, where the kernel can tell (6.7; for that it is looked at while it switches, which takes longer), else what it touched first when it came.',
    ['sequential', 'windows', 'hot'],
    'windows',
  ),
  compression: choice(
    'Of pages that nobody waits for, by LZ4; both nodes must want it. `auto`: where that shortens the transfer, measured all the time. `on`: of all that pack.',
    ['auto', 'off', 'on'],
    'auto',
  ),
  bulkWindowBytes: whole(
    'Pages that nobody asked for yet, in flight at once. 0: as many as fill the link and leave its queue short, so that urgent pages pass, measured all the time. Else fixed: whole pages of 4096; less than 65536 is slow.',
    { unit: 'bytes', default: 0, minimum: 0, maximum: WINDOW_MAX_BYTES },
  ),
  bulkBytesPerSecond: whole(
    'Limit for them (what QEMU calls `max-postcopy-bandwidth`), and for all pages of `precopy` and `qemu-postcopy`. Pages that are waited for are never held back by our engines, but count. 0: none. Else 1000000 at least; 104857600 is 100 MiB/s.',
    { unit: 'bytes/s', default: 0, minimum: 0, maximum: BYTES_PER_SECOND_MAX },
  ),
  earlyRelease: choice(
    '`on`: once the guest runs on the target, the source gives memory back as the target has it, not at the end. A target that dies before the end takes the VM with it either way; but then nothing is left here to look at.',
    ['off', 'on'],
    'off',
  ),
});

const native = section('The native parts.', {
  dir: text('Where shoal-pages, shoal-micro and libshoal-uffd.so are. Empty: beside the agent.', {
    default: '',
    ...PATH,
  }),
});

const percent = (description: string, fallback: number) =>
  whole(description, { unit: '%', default: fallback, minimum: 0, maximum: 100 });
const seconds = (description: string, fallback: number) =>
  whole(description, { unit: 's', default: fallback, minimum: 0, maximum: 86_400 });
const handoffs = (description: string, fallback: number) =>
  whole(description, { unit: 'handoffs', default: fallback, minimum: 1, maximum: 64 });

const policy = section(
  'The rule. All nodes must have the same numbers here: those that differ refuse to pack with each other.',
  {
    name: choice('The rule by name.', ['threshold'], 'threshold'),
    activeVmPercent: percent('A VM is active from here on, of one core.', 5),
    overloadPercent: percent('A node is overloaded from here on, of its cores.', 90),
    idlePercent: percent('A node is idle below this, of its cores.', 30),
    holdSeconds: seconds('An overload must last so long. 0: the window is hold enough.', 0),
    cooldownSeconds: seconds('After a relocation nothing new is decided for so long.', 10),
    cooldownScope: choice(
      'Who rests then: the whole `cluster`, or the `node`s that took part.',
      ['cluster', 'node'],
      'cluster',
    ),
    backoff: choice(
      '`on`: a VM that comes back to a node which it left within ten minutes rests before it is packed again, twice as long each time. `off`: as the paper, whose rule knows no rest.',
      ['on', 'off'],
      'on',
    ),
    packMarginPercent: percent('Packing fills a node up to overload less this.', 20),
    maxInflow: handoffs('Handoffs toward one node at a time.', 1),
    maxOutflow: handoffs('Handoffs away from one node at a time.', 2),
    hostsInReserve: whole('So many nodes without VMs do not sleep. -1: none of two nodes, else one.', {
      unit: 'nodes',
      default: -1,
      minimum: -1,
      maximum: 255,
    }),
  },
);

export const work = {
  vms,
  migration,
  native,
  policy,
  windowMs: whole('Every figure that the rule reads is a mean over so long.', {
    unit: 'ms',
    default: 10_000,
    minimum: 1000,
    maximum: 600_000,
  }),
  pinMinutes: whole('A VM that was moved by hand stays for so long. 0: the rule may take it on at once.', {
    unit: 'min',
    default: 60,
    minimum: 0,
    maximum: 10_080,
  }),
  history: section('What was, for people.', {
    retentionHours: whole('A second a row, for so long.', {
      unit: 'h',
      default: 24,
      minimum: 1,
      maximum: 8760,
    }),
  }),
  log: section('One line an event, JSON, on standard output.', {
    level: choice('Events below this are left out.', ['debug', 'info', 'warn', 'error', 'silent'], 'info'),
  }),
};
