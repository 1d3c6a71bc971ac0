/** One handoff as JSON Schema, with what each field means; `answers.ts` holds it to its TypeScript type. */
import { FAULT_BOUNDS_US } from '../pages/types.ts';
import { engine } from './answers-work.ts';
import { count, flag, listOf, number, object, oneOf, said, whole, words } from './schema.ts';

const stage = (what: string) => said(number, `ms: ${what}`);

export const HandoffStatus = said(
  object({
    handoff: said(words, 'UUID of the handoff; the same on both nodes.'),
    vm: said(words, 'UUID of the VM.'),
    name: said(words, 'Name of the VM.'),
    source: said(words, 'Node that it leaves, by name.'),
    target: said(words, 'Node that it goes to, by name.'),
    role: said(
      oneOf('source', 'target', 'observer'),
      'Of the node that answers. An observer knows what reports tell: all figures are -1.',
    ),
    engine: said(engine, 'By which its memory moves.'),
    reason: said(
      oneOf('overload', 'consolidate', 'manual', 'drain', ''),
      'Why it was offered; empty at an observer.',
    ),
    relocation: said(words, 'Of which relocation of the rule it is a part; empty for a move by hand.'),
    stage: said(
      words,
      'Newest record of this side: at the source offered, preparing, switching, committed, released, aborted or retaken; at the target accepted, loading, ready, owner, transferred or not-run.',
    ),
    inDoubt: said(
      flag,
      'The other side has been silent for longer than that takes: it may stand so until `shoal resolve` is told more.',
    ),
    outcome: said(
      words,
      'Empty while it runs. done; aborted, refused: the VM stays at the source; retaken: the source took it back after the commit; lost: it is at the target without all of its memory; resolved: ended by an operator’s word; yielded: the target gave it up to a source that was resolved.',
    ),
    detail: said(words, 'Why it ended as it did, one sentence; empty when done.'),
    at: said(
      object({
        decided: stage('the rule asked for it; at the source.'),
        offered: stage('the source offered it, or the target heard the offer.'),
        accepted: stage('the target promised to take it, or the source heard so.'),
        listening: stage('the target was ready for memory, or the source heard so.'),
        migrate: stage(
          'the switch begins: the source tells its VMM to migrate, or the stream reaches that of the target.',
        ),
        stopped: stage('the guest stopped: the blackout begins; at the source.'),
        postmigrate: stage('the device state had left the source, or had come to the target.'),
        committed: stage(
          'the commit was on the disk of the source, or the VM was on that of the target as its own.',
        ),
        run: stage('the source heard that the guest runs at the target.'),
        resumed: stage('the guest ran; at the target.'),
        transferred: stage('all its pages were there, or the source heard so.'),
        ended: stage('it was over on this side.'),
      }),
      'When each stage was reached, by the monotonic clock of the node that answers (CLOCK_MONOTONIC, ms). -1: not reached, or not seen from there. To be compared on one machine alone.',
    ),
    wireBytes: said(whole, 'bytes: on all connections for memory, both directions, TLS included.'),
    bytes: said(
      object({
        urgent: said(whole, 'bytes: pages that somebody waited for.'),
        bulk: said(whole, 'bytes: pages that nobody waited for.'),
        state: said(
          whole,
          'bytes: the stream of the VMM; under precopy and qemu-postcopy memory goes with it.',
        ),
        control: said(whole, 'bytes: the rest: frames, the map of pages, credits, TLS.'),
      }),
      'What `wireBytes` is made of.',
    ),
    packedFromBytes: said(whole, 'bytes: pages that travelled packed, before they were.'),
    packedBytes: said(whole, 'bytes: the same on the wire.'),
    packedExtents: said(whole, 'In how many extents they went.'),
    releasedBytes: said(whole, 'bytes: memory given back before the end (early release); of the source.'),
    dataBytes: said(whole, 'bytes: pages in place (target) or sent (source).'),
    streamBytes: said(whole, 'bytes: the stream of the VMM.'),
    dataPages: said(whole, 'pages of 4096 bytes that have data.'),
    residualPages: said(whole, 'pages of them that are not in place (target) or not sent (source).'),
    residualBytes: said(whole, 'bytes: the same.'),
    bytesPerSecond: said(whole, 'bytes a second: pages and stream, now.'),
    windowBytes: said(whole, 'bytes: most of bulk in flight, now; of the source.'),
    secondsLeft: said(
      number,
      's: to the last page at the rate of the last second or so; -1 while nothing comes.',
    ),
    reconnects: said(whole, 'Links that took the place of a lost one.'),
    linkLostMs: said(
      number,
      'ms: for how long the two page servers have had no link; -1 while they have one.',
    ),
    silentMs: said(
      number,
      'ms: since a page came or went; -1 while none is missing. A link may be dead long before that is known.',
    ),
    faults: said(
      object({
        count: said(whole, 'Faults that waited.'),
        sumUs: said(whole, 'µs: their waits together.'),
        p50Us: said(whole, 'µs: half of them waited no longer.'),
        p99Us: said(whole, 'µs: 99 of 100 waited no longer.'),
        maxUs: said(whole, 'µs: the longest.'),
        buckets: said(
          listOf(count),
          `Waits up to each of ${FAULT_BOUNDS_US.join(', ')} µs and above the one before; the last: above all. Empty when not known.`,
        ),
      }),
      'Waits of the guest for pages with data, from the fault being read to the page in place; of the target.',
    ),
    blocked: said(
      listOf(
        object({
          thread: said(
            words,
            'Name of the thread: vCPUs as QEMU calls them, such as CPU 0/KVM. The 16 that stood longest, the rest as `other vCPUs` and `others`.',
          ),
          us: said(count, 'µs: how long it stood for pages.'),
          faults: said(count, 'How often.'),
        }),
      ),
      'Which threads of the VMM stood for pages, longest first; of the target. Empty: none, or not known.',
    ),
    pagesCpuMs: said(whole, 'ms: CPU time of the page server of this side.'),
  }),
  'One handoff as the node that answers knows it. A figure of -1 is not known there: faults and threads are of the target, the window and released memory of the source; ask the other side.',
);
