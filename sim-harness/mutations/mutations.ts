/** The faults that Shoal must never have, one each, with the tests that stand between them and a release. */
import type { Mutation } from './types.ts';

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'sync-skipped',
    fault: 'what must not be lost is written without sync',
    file: 'agent/src/edge/store/store.ts',
    find: 'key, value }], { sync }),',
    replace: 'key, value }], { sync: false }),',
    caughtBy: ['power cut'],
  },
  {
    name: 'commit-without-postmigrate',
    fault: 'the source commits on the word of the target alone, though its own VMM may resume',
    file: 'agent/src/core/handoff/source.ts',
    find: "ready: go('switching-ready'),",
    replace: "ready: go('w-committed', 'write-committed'),",
    caughtBy: ['every run of two nodes', 'cells of the tables', 'model'],
  },
  {
    name: 'expiry-after-ready',
    fault: 'a reservation runs out after `ready`, and the target forgets the handoff',
    file: 'agent/src/core/handoff/target.ts',
    // Both: as long as entering `ready` stops the clock, a cell for it is never reached.
    find: `go('ready', 'stop-deadline', 'send-ready')),
  // The source may have committed: no clock ends this, only \`run\`, \`abort\`, the VMM's death, or an operator.
  ready: {
    ...LATE,`,
    replace: `go('ready', 'send-ready')),
  ready: {
    ...LATE,
    deadline: go('gone', 'drop-vm', 'forget'),`,
    caughtBy: ['every run of two nodes', 'cells of the tables', 'model'],
  },
  {
    name: 'not-run-dropped',
    fault: 'the source does not hear that the target gave up, so nobody ever runs the VM again',
    file: 'agent/src/core/handoff/source.ts',
    find: "    'not-run': go('w-retaken', 'write-retaken'),\n    'pages-exit': go('committed', 'restart-pages'),",
    replace: "    'pages-exit': go('committed', 'restart-pages'),",
    caughtBy: ['every run of two nodes'],
  },
  {
    name: 'preload-descriptor-closed',
    fault: 'the VMM keeps no descriptor of its own, so a dead page server turns missing pages into zeros',
    file: 'agent/native/preload/uffd.c',
    find: '    hand_over(path, kept, address, length);',
    replace: '    hand_over(path, kept, address, length);\n    close(kept);',
    caughtBy: ['page server: a dead page server'],
  },
  {
    name: 'page-flipped',
    fault: 'one bit of a page is turned on its way to the target',
    file: 'agent/native/page-server/src/serve/bulk.rs',
    find: '        let zero: Vec<bool> = bytes.chunks_exact(size).map(is_zero).collect();',
    replace:
      '        bytes[size / 2] ^= 1;\n        let zero: Vec<bool> = bytes.chunks_exact(size).map(is_zero).collect();',
    caughtBy: ['page server: memory byte by byte'],
  },
  {
    name: 'record-not-read-back',
    fault: 'a record counts as written although it reads back differently',
    file: 'agent/src/edge/handoff/journal.ts',
    find: 'if (!isDeepStrictEqual(found, plain))',
    replace: 'if (found === undefined && isDeepStrictEqual(found, plain))',
    caughtBy: ['journal tests'],
  },
  {
    name: 'report-replayed',
    fault: 'an old report of a node is taken for its newest',
    file: 'agent/src/core/view.ts',
    find: "    if (old) return 'old';",
    replace: "    if (old && held === undefined) return 'old';",
    caughtBy: ['view tests'],
  },
  {
    name: 'reservation-leaked',
    fault: 'a target that gave up goes on to hold the memory that it had promised',
    file: 'agent/src/core/handoff/target.ts',
    find: "go('not-run', 'drop-vm', 'end-pages', 'release-reservation', 'send-not-run', 'send-ended')",
    replace: "go('not-run', 'drop-vm', 'end-pages', 'send-not-run', 'send-ended')",
    caughtBy: ['promises of the tables'],
  },
  {
    name: 'ram-freed-early',
    fault:
      'the source frees its memory when the guest runs at the target, though pages are still missing there',
    file: 'agent/src/core/handoff/source.ts',
    find: "    running: go('transferring'),",
    replace: "    running: go('transferring', 'free-ram'),",
    caughtBy: ['cells of the tables', 'simulator'],
  },
  {
    name: 'refusal-taken-for-accept',
    fault: 'the source begins a handoff that the target has refused',
    file: 'agent/src/core/handoff/source.ts',
    find: '    refuse: gone,',
    replace: "    refuse: go('w-preparing', 'write-preparing'),",
    caughtBy: ['promises of the tables'],
  },
  {
    name: 'silence-taken-for-yes',
    fault: 'a node sleeps though members have not answered its farewell, as in a partition',
    file: 'agent/src/core/power/own.ts',
    find: '    const owing = members.filter(id => this.#waiting.has(id));',
    replace:
      '    const owing = members.filter(id => this.#waiting.has(id) && nowMs - this.#stateSinceMs < 1000);',
    caughtBy: ['sleep tests', 'nights of the simulator'],
  },
  {
    name: 'both-go-at-once',
    fault: 'of two nodes that say farewell at once each lets the other go',
    file: 'agent/src/core/power/judge-farewell.ts',
    find: '  if (rivals && own.self > sleeper)',
    replace: '  if (rivals && own.self === sleeper)',
    caughtBy: ['farewell tests'],
  },
];
