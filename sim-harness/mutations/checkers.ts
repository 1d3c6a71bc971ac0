/** Who may notice a planted fault. Each says with an exit code other than 0 that it did. */
import type { Checker } from './types.ts';

/** Where cargo builds in the copy of the tree; the mutated page server is built nowhere else. */
export const MANIFEST = 'agent/native/Cargo.toml';

/** uvu's summary and cargo's: some test failed, as opposed to a file that does not load. */
const SOME_FAILED = /FAIL {2}|test result: FAILED/;

const tests = (file: string): Checker => ({
  command: [process.execPath, '--conditions=source', '--import', 'tsx', file],
  verdict: SOME_FAILED,
});

/** Programs of the harness say what broke on a line of its own. */
const program = (verdict: RegExp, file: string, ...args: string[]): Checker => ({
  command: [process.execPath, '--conditions=source', '--import', 'tsx', file, ...args],
  verdict,
});

/** Without optimisation: each fault is built anew, and that takes longer than the tests. With a filter in front of the `--`, cargo leaves out the examples that the tests start. */
const cargo = (filter: string): Checker => ({
  command: [
    ...(['cargo', 'test', '--quiet', '--manifest-path', MANIFEST] as const),
    ...['-p', 'shoal-pages', '--', filter],
  ],
  verdict: SOME_FAILED,
});

export const CHECKERS: Readonly<Record<string, Checker>> = {
  'every run of two nodes': tests('agent/src/core/handoff/explore.test.ts'),
  'cells of the tables': tests('agent/src/core/handoff/cells.test.ts'),
  'promises of the tables': tests('agent/src/core/handoff/promises.test.ts'),
  model: program(/^broken +precopy/m, 'sim-harness/model/main.ts', '--quick', '--engine', 'precopy'),
  simulator: program(/[1-9]\d* seeds failed/, 'sim-harness/sim/main.ts', '--seeds', '6'),
  'journal tests': tests('agent/src/edge/handoff/journal.test.ts'),
  'power cut': tests('sim-harness/test/power-cut.test.ts'),
  'view tests': tests('agent/src/core/view.test.ts'),
  'page server: a dead page server': cargo(
    'a_guest_whose_page_server_dies_waits_and_never_reads_a_zero_page',
  ),
  'page server: memory byte by byte': cargo('all_data_pages_arrive_and_memory_is_identical_byte_by_byte'),
};
