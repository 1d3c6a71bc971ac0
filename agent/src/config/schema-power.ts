/** Sleep and wake. The names of what wakes a node are those of fence_amt_ws and its relatives, as operators know them. */
import { choice, listOf, PATH, section, text, whole } from './kinds.ts';

const onOff = (description: string, fallback: 'on' | 'off') => choice(description, ['on', 'off'], fallback);
const seconds = (description: string, fallback: number, maximum: number) =>
  whole(description, { unit: 's', default: fallback, minimum: 1, maximum });
const watts = (description: string) =>
  whole(description, { unit: 'W', default: 0, minimum: 0, maximum: 100_000 });

const suspend = section('How this machine is suspended (ACPI S3).', {
  driver: choice(
    '`none`: it never sleeps by itself. `systemd`: `systemctl suspend`, which asks inhibitors. `command`: the one below. `simulated`: nothing is suspended; for labs.',
    ['none', 'systemd', 'command', 'simulated'],
    'none',
  ),
  command: listOf(
    'With `command`: the program with its arguments. It returns when the machine is awake again, or at once.',
    text('A word of it.', {}),
  ),
  dir: text(
    'With `simulated`: whoever plays the machine finds `asleep` here, and removes it to wake the node. Empty: `machine` in `node.runDir`.',
    {
      default: '',
      ...PATH,
    },
  ),
  alarmHours: whole(
    'A clock of the machine ends every sleep after so long, so that a node whose address was lost comes back. 0: none, for machines without such a clock.',
    { unit: 'h', default: 24, minimum: 0, maximum: 720 },
  ),
});

const wake = section(
  'A way to wake a node; those of one node are tried in this order.',
  {
    node: text('The name of the node.', {
      pattern: '^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$',
      form: 'the name of a node',
    }),
    method: choice('Intel AMT, a magic packet, or a program.', ['amt', 'wol', 'command'], 'amt'),
    ip: text('Address of its AMT, or where a magic packet is sent: the broadcast address of its segment.', {
      default: '',
      pattern: '^[0-9A-Za-z.:-]*$',
      form: 'an IP address or a host name',
    }),
    ipport: whole(
      'Port of its AMT: 16993 with TLS, 16992 without. Of a magic packet: 9. 0: as the method has it.',
      {
        unit: 'id',
        default: 0,
        minimum: 0,
        maximum: 65_535,
      },
    ),
    ssl: onOff('TLS to its AMT. Without it: firmware before 16.1 alone.', 'on'),
    ssl_fingerprint: text(
      "SHA-256 of its AMT's certificate, as `openssl x509 -fingerprint -sha256` prints it.",
      {
        default: '',
        pattern: '^$|^([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$',
        form: '32 pairs of hexadecimal digits with colons',
      },
    ),
    ssl_ca: text('PEM file of the authority that signed it, where no fingerprint is given.', {
      default: '',
      ...PATH,
    }),
    realm: text(
      'The digest realm of its AMT, as it was enrolled: another one is an impostor, or a new machine. Empty: any.',
      {
        default: '',
        pattern: '^[ -~]{0,128}$',
        form: 'printable ASCII',
      },
    ),
    username: text('Who may wake it.', {
      default: 'admin',
      pattern: '^[!-~]{1,16}$',
      form: 'up to 16 printable characters',
    }),
    password_file: text('File with the password, readable by nobody but its owner.', {
      default: '',
      ...PATH,
    }),
    password_script: text('Program that prints the password, in place of a file.', { default: '', ...PATH }),
    password_version: whole(
      'Raise it when the password changes: one that was refused is not tried again by any node while this is the same.',
      { unit: 'id', default: 1, minimum: 1, maximum: 1_000_000 },
    ),
    login_timeout: seconds('For one connection and answer.', 5, 60),
    status_sleep: seconds('Between two questions whether it is awake.', 1, 60),
    mac: text('With `wol`: its MAC address.', {
      default: '',
      pattern: '^$|^([0-9a-f]{2}:){5}[0-9a-f]{2}$',
      form: 'a MAC address in lower case',
    }),
    command: listOf('With `command`: the program with its arguments.', text('A word of it.', {})),
  },
  ['node'],
);

export const power = section('Sleep of nodes without VMs, and how the others wake them.', {
  sleep: choice(
    '`off`: only people send this node to sleep. `auto`: it sleeps by itself, once `shoal sleep NODE --test` has passed on this machine.',
    ['off', 'auto'],
    'off',
  ),
  afterSeconds: seconds('The rule must not have needed it for so long.', 300, 86_400),
  answerSeconds: seconds(
    'For the answer of every member to its farewell; one that is missing is a no.',
    5,
    60,
  ),
  drainSeconds: seconds('For the last handoff to end, once it takes no VM any more.', 60, 86_400),
  wakeLateSeconds: seconds('A wake that takes longer is told of.', 15, 3600),
  wakeTimeoutSeconds: seconds('One that takes longer has failed: another node is woken.', 60, 3600),
  wakeTries: whole('After so many it counts no more until it says something itself.', {
    unit: 'id',
    default: 3,
    minimum: 1,
    maximum: 100,
  }),
  suspend,
  wake: listOf('How the others are woken; the same list on every node.', wake),
  watts: section('What this machine draws, for the energy that sleep saves. 0: not known.', {
    busy: watts('With all cores for VMs busy.'),
    idle: watts('Awake and idle.'),
    asleep: watts('In S3.'),
  }),
});
