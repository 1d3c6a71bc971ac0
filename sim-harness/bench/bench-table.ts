/** Every bench with its options: what is parsed, what `--help` says and what docs/bench.md prints. Pure. */

/** `value`: what stands for it in the usage; without one it is a switch. `standard`: what counts where it is not given. */
export type Option = { value?: string; standard?: string; meaning: string };
export type Bench = { about: string; options: Record<string, Option> };

const json = { meaning: 'Print all as JSON, every run by itself, instead of tables.' };
const link = {
  value: 'RATE',
  standard: '1gbit',
  meaning: 'Of each link, as tc takes it, in bits a second (1gbit, 200mbit), or none for no limit.',
};
const memory = (standard: string) => ({ value: 'MIB', standard, meaning: 'Memory of the guest.' });
const filled = (standard: string) => ({
  value: 'MIB',
  standard,
  meaning: 'How much of it is filled; at most --memory, of which the guest keeps some for itself.',
});
const runs = (standard: string) => ({
  value: 'N',
  standard,
  meaning:
    'Turns that count; one more warms up. Even, so that each arm goes both ways equally often; bounds need six.',
});
const load = {
  value: 'PERCENT',
  standard: '50',
  meaning: 'How busy the guest is, of one core, 1 to 100.',
};

export const BENCHES = {
  handoff: {
    about:
      'One VM to and fro between two nodes of a core each, by all engines in turns, and how they compare within each turn.',
    options: {
      engines: {
        value: 'LIST',
        standard: 'postcopy,precopy',
        meaning:
          'Of postcopy, warm, precopy, qemu-postcopy (over our channel), qemu-direct, qemu-preempt (from QEMU to QEMU over plain TCP, without and with postcopy-preempt). The first is held against each of the others.',
      },
      order: {
        value: 'LIST',
        standard: '',
        meaning: 'postcopy once for each order of pages: of hot, windows, sequential.',
      },
      compression: {
        value: 'LIST',
        standard: '',
        meaning:
          'postcopy once for each way to pack pages: of auto (what users get), off, on. QEMU never packs: against it, off compares what is not packed.',
      },
      memory: memory('1024'),
      filled: filled('700'),
      text: { meaning: 'Fill with words that come again, which pack to about a half, instead of noise.' },
      link,
      load,
      touch: { value: 'PAGES', standard: '0', meaning: 'How many pages a second the guest writes anew.' },
      hot: {
        value: 'MIB',
        standard: '0',
        meaning:
          'The guest works on so much of its memory alone, at most --filled; 0: on all that is filled.',
      },
      neighbour: { meaning: 'Beside it on the source a guest that wants all of the core.' },
      runs: runs('4'),
      json,
    },
  },
  curve: {
    about:
      'What the bulk window trades: page payload a second as a share of raw TCP, against how much longer than a round trip an urgent page takes.',
    options: {
      windows: {
        value: 'LIST',
        standard: '32k,64k,128k,256k,1m,auto',
        meaning: 'Bytes of bulk in flight; auto is the window that adapts.',
      },
      classes: {
        value: 'LIST',
        standard: 'fifo,htb',
        meaning: 'Kinds of link: one queue, or one with a class for what is urgent.',
      },
      link: { ...link, meaning: 'Of each link, as tc takes it, in bits a second: 1gbit, 200mbit.' },
      memory: memory('1024'),
      filled: filled('700'),
      load,
      qemu: { meaning: "Also QEMU's own post-copy, over our channel." },
      preempt: { meaning: 'Also from QEMU to QEMU over plain TCP, without and with postcopy-preempt.' },
      runs: runs('6'),
      svg: { value: 'FILE', meaning: 'Draw the curve into that file.' },
      json,
    },
  },
  'write-heavy': {
    about:
      'A guest that rewrites all its memory faster than the link carries it, against the same guest when it writes little.',
    options: {
      engines: {
        value: 'LIST',
        standard: 'postcopy,warm,precopy',
        meaning: 'Of postcopy, warm, precopy, qemu-postcopy.',
      },
      link: { ...link, standard: '200mbit' },
      memory: memory('512'),
      filled: filled('200'),
      deadline: { value: 'SECONDS', standard: '60', meaning: 'After it a move is cancelled, 1 to 250.' },
      runs: runs('4'),
      json,
    },
  },
  loopback: {
    about:
      'Encrypted pages over one stream of raw TCP on the same loopback, where no link is the limit, in pairs.',
    options: {
      windows: { value: 'LIST', standard: 'auto', meaning: 'As of curve.' },
      memory: memory('1280'),
      filled: filled('1024'),
      runs: runs('6'),
      json,
    },
  },
  mesh: {
    about: 'What the mesh costs an agent, and how fast it is: real agents on this machine, no VMs.',
    options: {
      nodes: {
        value: 'LIST',
        standard: '3,8,16',
        meaning: 'How many agents, 2 to 200 each; measured one after the other.',
      },
      seconds: { value: 'SECONDS', standard: '20', meaning: 'How long each is measured, 5 to 200.' },
      json,
    },
  },
  detection: {
    about:
      'How soon a silent death is noticed, and whether the living are missed while other processes want their cores.',
    options: {
      nodes: { value: 'N', standard: '16', meaning: 'How many nodes, 2 to 32.' },
      trials: { value: 'N', standard: '10', meaning: 'Deaths of each kind, 0 to 1000.' },
      hogs: { value: 'N', standard: '64', meaning: 'Processes that want a core each, 0 to 2000.' },
      json,
    },
  },
} as const satisfies Record<string, Bench>;

export type BenchName = keyof typeof BENCHES;
export const BENCH_NAMES = Object.keys(BENCHES) as BenchName[];

/** By name: what it means for whoever calls `npm run bench`. */
export const EXIT_CODES = `exit codes: 0 done; 1 failed, or a page of a guest was wrong; 2 bad arguments, or inconclusive: an arm has
fewer runs than were asked for, since others used the cores
`;
