/**
 * Every cell of "What dies, and what must happen" (docs/design/handoff.md), on the tables that agents run. A line: what
 * happens | side, and where it stands: a state, or `record:` that a starting agent reads, `rebooted:` after a reboot |
 * events | state | effects asked for on the way, in this order | effects that are not | engines, if not both.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Cell, step } from './cells.ts';
import { COLUMNS } from './engines.ts';

type Engine = keyof typeof COLUMNS;
type Table = Record<string, Record<string, Cell<string, string>>>;

const LINES = `
# the link
when the link dies before the guest was stopped, the source aborts by its deadline, and the guest runs on there | source preparing | deadline written guest-runs | aborted | write-aborted bring-back announce report-stays |  |
when the link dies while the state moves, the VMM resumes by itself and the source aborts | source switching | stream-failed written | aborting | write-aborted send-abort bring-back |  |
when the link dies while the state moves, the target gives up | target loading | load-failed written | not-run | write-not-run drop-vm send-not-run |  |
when the link dies behind ready, the target waits for as long as it takes, without a clock | target ready | deadline resend resend | ready | send-ready | write-not-run cont |
when the link dies behind the commit, the source says run until it is answered | source committed | deadline cancel resend | committed | send-run | bring-back write-aborted |
when the link is back behind the commit and the target has given up, the source takes the VM back | source committed | not-run written guest-runs | retaken | write-retaken bring-back report-stays |  |
when the link dies while pages come, the guest runs on at the target | target running | resend deadline | running | send-running | end-vmm drop-vm |
when the link dies while pages come, the source keeps the memory and asks | source transferring | deadline resend | transferring | send-ask | free-ram end-vmm |
# the source's agent
when the source agent dies while it prepares, its next life aborts | source record:preparing | written | aborting | write-aborted bring-back |  |
when the source agent dies in the switch, its next life aborts | source record:switching | written | aborting | write-aborted bring-back |  |
when the source agent dies behind the commit, its next life says run and never takes the guest back by itself | source record:committed | deadline cancel resend | committed | send-run | bring-back |
when the source agent dies while pages come, its next life has the page server started again | source record:committed | running | transferring | restart-pages |  | postcopy
when the source agent dies while it clears up, its next life clears up | source record:released |  | released | end-pages end-vmm free-ram report-left |  |
when the source agent dies while it aborts, its next life brings the guest back | source record:aborted | guest-runs | aborted | bring-back report-stays |  |
when the source agent dies while it takes the VM back, its next life does | source record:retaken | guest-runs | retaken | bring-back report-stays |  |
# the target's agent
when the target agent dies after it accepted, its next life gives up | target record:accepted | written | not-run | write-not-run release-reservation |  |
when the target agent dies while the state loads, its next life gives up | target record:loading | written | not-run | write-not-run drop-vm |  |
when the target agent dies behind ready, its next life stays ready and asks for the word | target record:ready | deadline | ready | send-ready | cont write-not-run |
when the target agent dies behind ready, its next life still runs the guest at the word | target record:ready | run written cont-ok | running | write-owner cont report-gained |  |
when the target agent dies as owner, its next life lets the guest run | target record:owner | cont-ok | running | cont send-running |  |
when the target agent dies behind the last page, its next life says so until it is heard | target record:transferred | resend | transferred | release-reservation send-transferred |  |
when the target agent dies after it gave up, its next life says so, and nothing else | target record:not-run | run | not-run | drop-vm send-not-run | cont write-owner |
# VMMs
when the source VMM dies before the commit, the handoff is aborted, and the VM has crashed at the source | source switching | vmm-exit written vmm-exit | aborted | write-aborted report-stays | announce |
when the source VMM dies behind the commit, the target runs the guest: its state is complete there | source committed | vmm-exit resend | committed | send-run | write-aborted |
when the source VMM dies while pages come, nothing follows: the memory is a file | source transferring | vmm-exit | transferring |  | free-ram write-released |
when the target VMM dies while it loads, the target gives up | target loading | vmm-exit written | not-run | send-not-run |  |
when the target VMM dies behind ready, the target gives up for ever | target ready | vmm-exit written run | not-run | write-not-run | cont write-owner |
when the target VMM dies while it writes that it owns the VM, it has never run, and the source is told | target w-owner | vmm-exit written | not-run | write-not-run send-not-run | cont |
when the target VMM dies as owner before it ran, it is a crash on the target | target owner | vmm-exit written | transferred | report-lost write-transferred release-reservation | write-not-run |
when the target VMM dies while pages come, it is a crash on the target, and the copy at the source is not resumed | target running | vmm-exit written | transferred | write-transferred send-transferred | write-not-run |
when the target says not-run after it said that it runs, it contradicts itself, and the source does not believe it | source transferring | not-run | transferring |  | bring-back |
# page servers
when the source page server dies before the commit, the handoff is aborted | source switching | pages-exit written | aborting | write-aborted bring-back |  |
when the source page server dies behind the commit, it is started again over the same memory | source committed | pages-exit | committed | restart-pages |  | postcopy
when the source page server dies while pages come, it is started again over the same memory | source transferring | pages-exit | transferring | restart-pages |  | postcopy
when the target page server dies while the state loads, the target gives up | target loading | pages-exit written | not-run | write-not-run |  |
when the target page server dies behind ready, it is started again | target ready | pages-exit | ready | restart-pages |  | postcopy
when the target page server dies while pages come, it is started again, and the guest waits | target running | pages-exit | running | restart-pages | end-vmm | postcopy
when a page server that only carried the stream dies behind the commit, nobody needs it | source committed | pages-exit | committed |  | restart-pages | precopy
# the source's host
when the source host dies in the switch, it asks when it is back, and starts nothing | source rebooted:switching | resend deadline ended | rebooted | send-ask | bring-back send-run cont |
when the source host dies in the switch and its target is only ready, it aborts when it is back | source rebooted:switching | ready written vmm-exit | aborted | write-aborted report-stays |  |
when the source host dies behind the commit, it never says run again: the memory is gone | source rebooted:committed | resend ready ask | memoryless | send-ask send-abort | send-run | postcopy
when the source host dies behind the commit of a pre-copy, the target has all the memory, and is told to run it | source rebooted:committed | resend | committed | send-run |  | precopy
when the source host dies behind the commit, the ready target waits in doubt | target ready | resend deadline | ready | send-ready | cont |
when the source host dies behind the commit, the target is started from its disk by the proof that it is off | target ready | resolve written | resolved | write-resolved drop-vm report-resolved | cont |
when the source host dies while pages come and says so, the guest without its pages is lost | target running | ended pages-lost vmm-exit written | transferred | ask-pages report-memory-lost end-vmm write-transferred |  |
when the source host dies while pages come and all have come, nothing is lost | target running | ended pages-complete written | transferred | ask-pages | end-vmm report-memory-lost |
# the target's host
when the target host dies before the commit, the source aborts by its deadline | source switching-done | deadline written | aborting | write-aborted bring-back |  |
when the target host dies behind ready, it gives up when it is back: its VMM is gone | target rebooted:ready | vmm-exit written | not-run | write-not-run send-not-run | cont |
when the target host dies behind the commit, the source starts the VM from its disk by the proof that it is off | source committed | resolve written | resolved | write-resolved end-vmm free-ram report-resolved | bring-back |
when the target host dies as owner, it asks when it is back, and starts nothing | target rebooted:owner | resend ask deadline | returned | send-ask | cont report-lost |
when the target host dies as owner, it starts the VM once the source has said that it still believes so | target rebooted:owner | run written | transferred | report-lost write-transferred release-reservation |  |
when the target host dies as owner and the source was resolved meanwhile, it yields | target rebooted:transferred | resolved written run | yielded | write-yielded report-left | cont report-lost |
# disks and refusals
when the disk is full while the commit is written, the source neither goes on nor back until a record is | source w-committed | write-failed resend write-failed | w-committed | write-again | send-run bring-back |
when the disk is full while the abort is written, the guest does not run until it is | source w-aborted | write-failed resend | w-aborted | write-again | bring-back |
when the disk is full while the target writes that it owns the VM, the guest does not run until it is | target w-owner | write-failed resend | w-owner | write-again | cont |
when cont is refused and the guest never ran, the target gives up, in this order: record, then VMM | target owner | cont-refused-never-ran written | not-run | write-not-run drop-vm send-not-run |  |
when cont is refused and the guest may have run, the target keeps it and tries again | target owner | cont-refused resend | owner | cont | write-not-run |
when cont is refused at the source, it is tried again | source aborting | resend guest-runs | aborted | bring-back report-stays |  |
`;

/** Effects in the order in which they are asked for, and where it ends. */
function play(engine: Engine, side: 'source' | 'target', from: string, events: string[]) {
  const columns = COLUMNS[engine];
  const table: Table = columns[side];
  const [how, record] = from.split(':');
  const recover = side === 'source' ? columns.recoverSource : columns.recoverTarget;
  const start = record ? recover(record, how === 'rebooted') : { state: from, effects: [] };
  let state: string = start.state;
  const effects: string[] = [...start.effects];
  for (const event of events) {
    const stepped = step(table, state, event);
    state = stepped.state;
    effects.push(...stepped.effects);
  }
  return { state, effects };
}

const words = (text = ''): string[] => text.split(' ').filter(word => word !== '');

for (const line of LINES.split('\n').filter(l => l !== '' && !l.startsWith('#'))) {
  const [name = '', where = '', events, to = '', does, never, only] = line
    .split('|')
    .map(part => part.trim());
  const [side, from = ''] = where.split(' ');
  for (const engine of only ? words(only) : ['postcopy', 'precopy']) {
    test(`${engine}: ${name}`, () => {
      const { state, effects } = play(engine as Engine, side as 'source' | 'target', from, words(events));
      assert.is(state, to, effects.join(' '));
      let at = -1;
      for (const effect of words(does)) {
        at = effects.indexOf(effect, at + 1);
        assert.ok(at >= 0, `${effect} in its place of: ${effects.join(' ')}`);
      }
      for (const effect of words(never)) assert.not(effects.includes(effect), effect);
    });
  }
}

test('the tables are played from every part that can die', () => {
  assert.ok(LINES.split('\n').filter(l => l.startsWith('when ')).length >= 50);
});

test.run();
