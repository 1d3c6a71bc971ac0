import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { NO_FIGURES } from '../edge/handoff/figures.ts';
import type { HandoffStatus } from '../edge/http/api.types.ts';
import { aHandoff, aNode, TestApi } from '../edge/http/test-api.ts';
import { TestServer } from '../edge/http/test-server.ts';
import type { Terminal } from './run.ts';
import { shoal } from './test-terminal.ts';

/** The agent that is asked, at the source; and that of the target, which it names. */
const target = new TestServer();
const source = new TestServer(new TestApi([aNode('node0', { http: '' }), aNode('node1', { http: '' })]));
test.before(async () => {
  await source.start();
  await target.start();
});
test.after(async () => {
  await source.stop();
  await target.stop();
});
test.before.each(() => {
  source.api.cluster.nodes[1]!.http = '';
});

/** What the source answers, one row a look; the last stays. */
function answers(...rows: HandoffStatus[]): void {
  source.api.handoffRows = [rows[0]!];
  const looks = [...rows];
  source.api.handoff = async () => (looks.length > 1 ? looks.shift() : looks[0]);
}
const { faults, blocked } = NO_FIGURES;
const own = (more: Partial<HandoffStatus> = {}) => aHandoff({ faults, blocked, ...more });
const running = own({
  ...{ outcome: '', stage: 'transferring', dataPages: 100_000, residualPages: 40_000 },
  ...{ residualBytes: 163_840_000, bytesPerSecond: 110_000_000, secondsLeft: 1.5 },
});

const wait = (terminal: Partial<Terminal> = {}, ...args: string[]) =>
  shoal(['--socket', source.socket, 'migrate', 'vm1', '--wait', ...args], terminal);

test('migrate --wait shows where it stands and ends with what the move cost', async () => {
  const nearly = { residualPages: 1000, residualBytes: 4_096_000, secondsLeft: 0.1 };
  answers(running, { ...running, ...nearly, stage: 'released' }, own());
  const { code, out, note } = await wait();
  assert.is(code, 0);
  assert.is(
    out,
    'vm1 moved from node0 to node1 by postcopy, switch 72 ms, blackout 62 ms, transfer 6000 ms, wire 741 MB, at 122 MB/s\n',
  );
  assert.equal(note.split('\n'), [
    'vm1 node0 → node1: transferring, ███████▎···· 60 %, 164 MB left, 110 MB/s, ETA 1.5 s',
    'vm1 node0 → node1: released, ███████████▉ 99 %, 4.1 MB left, 110 MB/s, ETA 0.1 s',
    '',
  ]);
});

test('a handoff seen from its source has its times up to the word of the target', async () => {
  const { at } = aHandoff();
  answers(own({ at: { ...at, resumed: -1 } }));
  assert.match((await wait()).out, 'switch 61 ms, blackout 51 ms, transfer 6011 ms');
});

test('how long the guest waited for its pages is asked of the target, by the source that was asked', async () => {
  source.api.cluster.nodes[1]!.http = target.url.slice('http://'.length);
  target.api.handoffRows = [aHandoff({ role: 'target', reconnects: 7 })];
  answers(running);
  let shown = '';
  const enough = () => shown.includes('110 MB/s, fault p99 1.9 ms, ETA 1.5 s');
  source.api.handoff = async () => (enough() ? own({ reconnects: 1 }) : running);
  const note = (text: string) => {
    shown += text;
  };
  const { out } = await wait({ noteTty: true, note, env: { COLUMNS: '120' } }, '--timeout', '60s');
  assert.match(out, 'reconnects 1, faults 812 (p50 410 µs, p99 1.9 ms), vCPUs stood 402 ms\n');
});

test('a target that answers something else is as one that does not answer', async () => {
  source.api.cluster.nodes[1]!.http = target.url.slice('http://'.length);
  const { faults, blocked } = aHandoff();
  const row = blocked[0]!;
  for (const wrong of [
    { faults: undefined },
    { faults: { ...faults, p99Us: '1' } },
    { faults: { ...faults, buckets: null } },
    { faults: { ...faults, buckets: Array(65).fill(0) } },
    { blocked: undefined },
    { blocked: [null] },
    { blocked: [{ ...row, us: 1e300 }] },
    { blocked: [{ ...row, thread: 'x'.repeat(65) }] },
  ]) {
    let asked = 0;
    target.api.handoff = async () => {
      asked++;
      return { ...aHandoff({ role: 'target' }), ...wrong } as HandoffStatus;
    };
    answers(running, own());
    const { code, out } = await wait();
    assert.ok(asked > 0);
    assert.equal(
      [code, out.includes('faults'), out.includes('stood')],
      [0, false, false],
      JSON.stringify(wrong),
    );
  }
  target.api.handoff = async () => aHandoff({ role: 'target' });
});

test('with --json the answer is the own one as it came, and nothing else is on standard output', async () => {
  answers(running, own());
  const { out } = await wait({}, '--json');
  assert.equal(JSON.parse(out), own());
});

test('on a terminal one line is written over, and is as wide as the terminal is at that moment', async () => {
  const widths = [120, 64, 33];
  answers(running, running, running, own());
  const { note } = await wait({ noteTty: true, noteColumns: () => widths.shift() });
  assert.equal(note.split('\r\u001b[K'), [
    '',
    'vm1 node0 → node1: transferring, ███████▎···· 60 %, 164 MB left, 110 MB/s, ETA 1.5 s',
    'vm1 node0 → node1: transferring, 60 %, 110 MB/s, ETA 1.5 s',
    'vm1 node0 → node1: transferring,'.slice(0, 31),
    '',
  ]);
});

test('COLUMNS goes before what the terminal says', async () => {
  answers(running, own());
  const { note } = await wait({ noteTty: true, noteColumns: () => 200, env: { COLUMNS: '41' } });
  assert.match(note, '\u001b[Kvm1 node0 → node1: transferring, 60 %\r');
});

test('with NO_COLOR the line is ASCII, and blanks take away what stood there', async () => {
  answers(running, { ...running, residualBytes: 0, residualPages: 0, secondsLeft: 0 }, own());
  const { out, note } = await wait({ noteTty: true, env: { NO_COLOR: '1', COLUMNS: '100' } });
  const [first, second, blanks, end] = note.split('\r').slice(1);
  assert.is(first, 'vm1 node0 -> node1: transferring, #######..... 60 %, 164 MB left, 110 MB/s, ETA 1.5 s');
  assert.is(second, `vm1 node0 -> node1: transferring, ############ 100 %, 110 MB/s${' '.repeat(23)}`);
  assert.equal([blanks, end], [' '.repeat(second!.trimEnd().length), '']);
  assert.match(`${out}${note}`, /^[ -~\r\n]*$/);
});

test('a dumb terminal gets one line a phase, of ASCII', async () => {
  answers(running, running, own());
  const { note } = await wait({ noteTty: true, env: { TERM: 'dumb' } });
  assert.is(note.split('\n').length, 2);
  assert.match(note, /^vm1 node0 -> node1: [ -~]+\n$/);
});

test('a lost link and its return are phases of their own, told at once also where no line can be written over', async () => {
  const lost = { ...running, linkLostMs: 3400, bytesPerSecond: 0, secondsLeft: -1 };
  answers(running, lost, { ...lost, linkLostMs: 3900 }, { ...running, reconnects: 1 }, own());
  const { note } = await wait();
  assert.equal(note.split('\n'), [
    'vm1 node0 → node1: transferring, ███████▎···· 60 %, 164 MB left, 110 MB/s, ETA 1.5 s',
    'vm1 node0 → node1: transferring, link lost, waiting 3 s, ███████▎···· 60 %, 164 MB left',
    'vm1 node0 → node1: transferring, ███████▎···· 60 %, 164 MB left, 110 MB/s, 1 reconnect, ETA 1.5 s',
    '',
  ]);
});

test('a link that is silent is told as silent, long before it is known to be lost', async () => {
  const { at } = running;
  const silent = { silentMs: 2400, bytesPerSecond: 0, stage: 'committed', at: { ...at, transferred: -1 } };
  answers({ ...running, silentMs: 999 }, { ...running, ...silent }, own());
  const { note } = await wait({ noteTty: true, noteColumns: () => 100 });
  assert.match(note, 'node1: transferring, ███████▎···· 60 %, 164 MB left, 110 MB/s, ETA 1.5 s\r');
  assert.match(note, 'node1: transferring, nothing comes, waiting 2 s, ███████▎···· 60 %, 164 MB left\r');
});

test('where no line can be written over, one phase has a line every five seconds', async () => {
  answers(running, running, running, own());
  let seconds = 0;
  const { note } = await wait({
    now() {
      seconds += 2;
      return seconds * 1000;
    },
  });
  assert.ok(seconds > 10, 'time went on');
  const lines = note.split('\n').length - 1;
  assert.ok(lines > 1 && lines <= 1 + seconds / 5, `${lines} lines in ${seconds} s`);
});

test('an engine that puts memory into its stream shows what was sent', async () => {
  const stream = { bytes: { urgent: 0, bulk: 0, state: 52_000_000, control: 0 }, dataPages: 0 };
  const rest = { residualPages: 0, residualBytes: 0, secondsLeft: 0 };
  answers({ ...running, ...stream, ...rest, engine: 'precopy', stage: 'preparing' }, own());
  assert.match((await wait()).note, 'node1: preparing, 52.0 MB sent, 110 MB/s\n');
});

test('migrate --wait fails when the VM did not move, and says why', async () => {
  answers(running, own({ outcome: 'aborted', detail: 'the target refused the disk' }));
  const { code, out, note } = await wait({}, '--json');
  assert.equal([code, out], [1, '']);
  assert.match(
    note,
    'shoal: it did not move (aborted): the target refused the disk (vm1). It is on node0 still; ',
  );
});

test('how a move ended otherwise is told by its end and by who tells of it', async () => {
  for (const [outcome, role, said, todo] of [
    ['retaken', 'source', 'it did not move (retaken): why', 'It is on node0 still'],
    ['refused', 'source', 'it did not move (refused): why', 'It is on node0 still'],
    [
      'lost',
      'target',
      'it moved, and lost memory on the way (lost): why',
      'It is on node1, as after a crash',
    ],
    [
      'resolved',
      'source',
      'it was started anew by an operator (resolved): why',
      'It starts on node0 from its',
    ],
    [
      'resolved',
      'target',
      'it was started anew by an operator (resolved): why',
      'It starts on node1 from its',
    ],
    ['yielded', 'target', 'node1 gave it up (yielded): why', 'It was started anew on node0 by an operator'],
  ] as const) {
    answers(own({ outcome, role, detail: 'why' }));
    const { code, note } = await wait();
    assert.is(code, 1);
    assert.is(note.slice(0, note.indexOf(' (vm1)')), `shoal: ${said}`);
    assert.match(note, ` (vm1). ${todo}`);
    if (outcome === 'lost') assert.not.match(note, 'still');
  }
});

test('a move that is in doubt is told as such at once, with what ends it and where', async () => {
  const { at } = running;
  const committed = { stage: 'committed', at: { ...at, run: -1, resumed: -1, transferred: -1 } };
  const stands = {
    ...running,
    ...committed,
    bytes: NO_FIGURES.bytes,
    bytesPerSecond: -1,
    secondsLeft: -1,
    dataPages: 0,
    residualBytes: 0,
  };
  answers({ ...running, ...committed }, { ...stands, inDoubt: true });
  const { code, note } = await wait({}, '--timeout', '300ms');
  assert.is(code, 1);
  const lines = note.split('\n');
  assert.is(lines[1], 'vm1 node0 → node1: committed, in doubt, see `shoal resolve vm1` on node0');
  assert.match(
    lines[2]!,
    'it goes on (vm1, stage committed). It is in doubt, see `shoal resolve vm1` on node0',
  );
  answers({ ...stands, role: 'target', inDoubt: true }, own());
  assert.match(
    (await wait({ noteTty: true, noteColumns: () => 80 })).note,
    'see `shoal resolve vm1` on node1',
  );
});

test('migrate --wait gives up at its timeout and the handoff goes on', async () => {
  answers(running);
  const { code, note } = await wait({}, '--timeout', '10ms');
  assert.is(code, 1);
  assert.match(
    note,
    /shoal: the handoff has not ended after 0\.0 s; it goes on \(vm1, stage transferring\)\. /,
  );
});

test.run();
