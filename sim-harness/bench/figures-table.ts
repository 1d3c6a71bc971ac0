/** Every figure of a measured move, what it means and its unit: the type of a run, and what docs/bench.md prints. Pure. */

export const FIGURES = {
  switchMs: {
    unit: 'ms',
    meaning:
      'Command to migrate → the guest runs on the target (`RESUME`). Under `precopy` that is nearly all of the move; under `warm` the pages that go ahead go before the command, and are not in it.',
  },
  blackoutMs: { unit: 'ms', meaning: 'Guest stopped on the source (`STOP`) → it runs on the target.' },
  transferMs: { unit: 'ms', meaning: 'The guest runs on the target → all its pages are there.' },
  bulkMs: {
    unit: 'ms',
    meaning:
      'Guest stopped → all its pages are there. Pages may flow from the stop on, before the guest runs, so goodput is counted over this and not over `transferMs`.',
  },
  totalMs: { unit: 'ms', meaning: 'Decision → all pages are there.' },
  wireBytes: {
    unit: 'bytes',
    meaning:
      'On all connections, both directions, TLS included. Of `qemu-direct` and `qemu-preempt`: what QEMU says it sent, without TCP and IP.',
  },
  dataBytes: {
    unit: 'bytes',
    meaning: "Of the guest's memory: pages put in place, or the VMM's stream where they travel in it.",
  },
  urgentBytes: { unit: 'bytes', meaning: 'Payload of pages that somebody waited for.' },
  bulkBytes: { unit: 'bytes', meaning: 'Payload of pages that nobody had asked for.' },
  packedFromBytes: { unit: 'bytes', meaning: 'Pages that travelled packed, before they were.' },
  packedBytes: { unit: 'bytes', meaning: "The same, on the wire. QEMU's own engines never pack." },
  faults: {
    unit: '',
    meaning:
      'Waits for a page; of `qemu-direct` and `qemu-preempt`: pages asked for. 0 under `qemu-postcopy`, where the page servers see none.',
  },
  faultMeanUs: {
    unit: 'µs',
    meaning:
      "Mean wait, from the fault being read to the page in place. Of `qemu-direct` and `qemu-preempt`: the vCPU's blocktime over the pages that were asked for.",
  },
  faultP50Us: { unit: 'µs', meaning: 'Median wait. QEMU tells none.' },
  faultP99Us: { unit: 'µs', meaning: '99th percentile of the waits. QEMU tells none.' },
  faultMaxUs: { unit: 'µs', meaning: 'Longest wait. QEMU tells none.' },
  guestGapMs: {
    unit: 'ms',
    meaning:
      'Longest time between two ticks of the guest (one each 5 ms), from the decision to half a second after the last page.',
  },
  guestWorkLost: {
    unit: 's',
    meaning:
      'Work that the guest did not do from the decision to half a second after the last page, in seconds of its steady work: up to the stop by its rate on the source before the decision, from there on by its rate on the target afterwards. Less than 0: it did more.',
  },
  guestWorkLost10s: {
    unit: 's',
    meaning:
      'The same for the ten seconds from the moment when it runs on the target, by its rate there afterwards.',
  },
  guestPagesPerS: {
    unit: 'pages/s',
    meaning:
      'What the guest visited in the three seconds before the decision, on the source, beside the neighbour where there is one.',
  },
  guestPagesPerSAfter: {
    unit: 'pages/s',
    meaning:
      'The same on the target, from a second after the last page on, for two seconds at least: caches and emulated code are warm again, and nothing of the move is at work.',
  },
  cpuS: {
    unit: 's',
    meaning:
      'CPU time of both page servers. Under `qemu-postcopy` that is the relay alone and no figure of the engine, so it is in no ratio.',
  },
  sourceCpuSPerGb: {
    unit: 's/GB',
    meaning:
      "CPU time of the source alone for each GB of the guest's data: all that its page server took, and its VMM from the stop of the guest on (of `qemu-direct` and `qemu-preempt` that alone). Of few MiB much of it is what a page server takes to begin. Not measured under `precopy`, whose VMM works before the stop, beside its guest, or where the VMM was not seen.",
  },
  neighbourLostSPerGb: {
    unit: 's/GB',
    meaning:
      'What the neighbour on the source could not do from the decision to the last page, in seconds of its work, for each GB: up to the stop by its rate beside the guest before the decision, from there on by what it does alone afterwards. All that the move takes there, packets sent from an interrupt included, which no process is charged for. Not measured without `--neighbour`.',
  },
  badPages: {
    unit: '',
    meaning:
      "Pages whose content is wrong, by the guest's own check of all its memory after the move. One is enough for exit code 1, also in a move that was discarded.",
  },
} as const satisfies Record<string, { unit: string; meaning: string }>;

export type Figures = Record<keyof typeof FIGURES, number>;

/** One measured move: -1 in a figure = not measured. Where it went, and how much of the cores others used meanwhile (others.ts). */
export type Run = Figures & {
  from: string;
  to: string;
  strangersShare: number;
  strangersCores: readonly number[];
};
