/** Who may notice a planted fault. Each says with an exit code other than 0 that it did. */
import type { Checker, Mutation } from './types.ts';

/** Where cargo builds in the copy of the tree; the mutated page server is built nowhere else. */
export const MANIFEST = 'agent/native/Cargo.toml';

/** uvu's summary and cargo's: some test failed, as opposed to a file that does not load. */
const SOME_FAILED = /FAIL {2}|test result: FAILED/;

const tests = (file: string): Checker => ({
  command: [process.execPath, '--conditions=source', '--import', 'tsx', file],
  verdict: SOME_FAILED,
  reads: 'agent/src/',
});

/** Programs of the harness say what broke on a line of its own. */
const program = (verdict: RegExp, file: string, ...args: string[]): Checker => ({
  command: [process.execPath, '--conditions=source', '--import', 'tsx', file, ...args],
  verdict,
  reads: 'agent/src/',
});

/** Without optimisation: each fault is built anew, and that takes longer than the tests. With a filter in front of the `--`, cargo leaves out the examples that the tests start. */
const cargo = (filter: string): Checker => ({
  command: [
    ...(['cargo', 'test', '--quiet', '--manifest-path', MANIFEST] as const),
    ...['-p', 'shoal-pages', '--', filter],
  ],
  verdict: SOME_FAILED,
  reads: 'agent/native/',
});

export const CHECKERS: Readonly<Record<string, Checker>> = {
  'every run of two nodes': tests('agent/src/core/handoff/explore.test.ts'),
  'cells of the tables': tests('agent/src/core/handoff/cells.test.ts'),
  'promises of the tables': tests('agent/src/core/handoff/promises.test.ts'),
  model: program(/^broken +precopy/m, 'sim-harness/model/main.ts', '--quick', '--engine', 'precopy'),
  simulator: program(/[1-9]\d* seeds failed/, 'sim-harness/sim/main.ts', '--seeds', '6'),
  'journal tests': tests('agent/src/edge/handoff/journal.test.ts'),
  // Makes a file system and cuts its device.
  'power cut': { ...tests('sim-harness/test/power-cut.test.ts'), slow: true },
  'view tests': tests('agent/src/core/view.test.ts'),
  'farewell tests': tests('agent/src/core/power/judge-farewell.test.ts'),
  'sleep tests': tests('agent/src/core/power/own.test.ts'),
  'nights of the simulator': program(/[1-9]\d* nights failed/, 'sim-harness/sim/main.ts', '--nights', '4'),
  'page server: a dead page server': cargo(
    'a_guest_whose_page_server_dies_waits_and_never_reads_a_zero_page',
  ),
  'page server: memory byte by byte': cargo('all_data_pages_arrive_and_memory_is_identical_byte_by_byte'),
};

/** Who is asked about a fault: those who must notice it, or with `all` also whoever could at little cost. */
export function askedAbout({ file, caughtBy }: Mutation, all = false): string[] {
  const could = ([name, { reads, slow }]: [string, Checker]) =>
    caughtBy.includes(name) || (all && !slow && file.startsWith(reads));
  return Object.entries(CHECKERS)
    .filter(could)
    .map(([name]) => name);
}
