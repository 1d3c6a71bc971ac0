/** The checkers that read processes and files, against real ones: each fault is planted by hand and must be seen. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { overlaps } from './ledger.ts';
import { LedgerFiles } from './ledger-files.ts';
import { leakedReservations, orphanFiles, orphanNamespaces, orphanProcesses } from './orphans.ts';
import { changedPages, memoryOf, PAGE_BYTES, wrongPages } from './pattern.ts';
import { processesOf } from './proc.ts';
import { Runners } from './runners.ts';
import { divergedViews, openEnds, type Told } from './views.ts';

const MICRO = fileURLToPath(new URL('../../../agent/native/target/release/shoal-micro', import.meta.url));
const VM = '11111111-2222-3333-4444-555555555555';
const PAGES = (2 * 2 ** 20) / PAGE_BYTES;

const dir = mkdtempSync(join(tmpdir(), 'shoal-truth-'));
const places = { runRoot: join(dir, 'run'), ramRoot: join(dir, 'ram') };
const ledger = join(dir, 'ledger');
const started = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

const test = suite('checkers and real guests');

/** A guest by hand, as an agent on that node would start it. */
async function guest(node: string): Promise<ChildProcess> {
  const run = join(places.runRoot, node, 'vms', VM);
  for (const path of [run, join(places.ramRoot, node), ledger]) mkdirSync(path, { recursive: true });
  const at = (name: string) => join(run, name);
  const args = [
    ...['--name', 'vm', '--qmp', at('qmp.sock'), '--ram', join(places.ramRoot, node, `${VM}.ram`)],
    ...['--memory-mib', '8', '--pidfile', at('pid'), '--console', at('console.sock')],
    ...['--channel', `work=${at('ch-work.sock')}`],
  ];
  const env = { ...process.env, SHOAL_MICRO_LEDGER: ledger, SHOAL_MICRO_NODE: node };
  const child = spawn(MICRO, args, { env, stdio: 'ignore' });
  started.add(child);
  await says(at('ch-work.sock'), 'fill 2');
  await says(at('ch-work.sock'), 'load 50');
  return child;
}

/** One command over the guest's channel, until it is answered. */
async function says(path: string, line: string): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const socket = connect(path);
    socket.on('error', () => undefined);
    const answered = await new Promise<boolean>(resolve => {
      socket.once('data', () => resolve(true));
      socket.once('close', () => resolve(false));
      socket.write(`${line}\n`);
      setTimeout(resolve, 2000, false).unref();
    });
    socket.destroy();
    if (answered) return;
    await sleep(10);
  }
  throw new Error(`no answer to ${line}`);
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
  started.delete(child);
}

const channel = (node: string) => join(places.runRoot, node, 'vms', VM, 'ch-work.sock');
const ramOf = (node: string) => join(places.ramRoot, node, `${VM}.ram`);

let one: ChildProcess;
test.before(async () => {
  one = await guest('n0');
});
// All of them: one that is left by a test that fails would keep this process alive.
test.after(async () => {
  await Promise.all([...started].map(end));
});

test('a guest alone with its file is in order', () => {
  const found = processesOf(places);
  assert.equal(
    found.vmms.map(v => [v.pid, v.vm, v.name, v.node, v.memoryMib, v.incoming]),
    [[one.pid, VM, 'vm', 'n0', 8, false]],
  );
  assert.equal([...orphanProcesses([VM], found), ...orphanFiles(places, found)], []);
  const free = { node: 'n0', guestMemoryMib: 32, freeMib: 24 };
  assert.equal(leakedReservations([free], found), []);
});

test('a second runner that is started by hand is seen by its ledger, by its CPU time and as an orphan', async () => {
  const runners = new Runners();
  const two = await guest('n1');
  for (let looks = 0; looks < 60 && runners.violations.length === 0; looks++) {
    await sleep(100);
    runners.look(processesOf(places));
  }
  const files = new LedgerFiles(ledger);
  files.read();
  const found = processesOf(places);
  await end(two);
  assert.match(runners.violations[0]?.what ?? '', 'took CPU time in turns');
  assert.match(overlaps(files.notes('vm'))[0]?.what ?? '', /ran on n0 .* and n1 .* at once/);
  assert.match(orphanProcesses([VM], found)[0]?.what ?? '', '2 VMMs of one VM');
  assert.match(orphanProcesses([], found)[0]?.what ?? '', 'a VMM of no VM');
});

test('what a killed guest leaves behind is seen: its RAM file, its sockets, its memory that is free for nobody', () => {
  const found = processesOf(places);
  const said = orphanFiles(places, found).map(v => v.what);
  assert.ok(said.includes(`a RAM file that no VMM has: ${ramOf('n1')}`), said.join('; '));
  assert.ok(said.some(what => what.startsWith('sockets of a VM that is not on n1')));
  const [leak] = leakedReservations([{ node: 'n1', guestMemoryMib: 32, freeMib: 24 }], found);
  assert.match(leak?.what ?? '', 'n1 has 32 MiB for guests, its VMMs take 0, and it says 24 are free');
  for (const root of [places.ramRoot, places.runRoot]) rmSync(join(root, 'n1'), { recursive: true });
});

test('a page server and its directory that are left are seen', async () => {
  const session = join(places.runRoot, 'n2', 'h', 'abcdef01');
  mkdirSync(session, { recursive: true });
  // Any process with the words of one: it waits for a line that never comes.
  writeFileSync(join(dir, 'fetch'), 'read line\n');
  const options = {
    argv0: '/opt/shoal-pages',
    cwd: dir,
    stdio: ['pipe' as const, 'ignore' as const, 'ignore' as const],
  };
  const fake = spawn('bash', ['fetch', session], options);
  started.add(fake);
  // Its words are there a moment after it is: exec(2) closes what node waits for before it has set them.
  const looksLike = () => processesOf(places).pages.some(page => page.pid === fake.pid);
  for (let tries = 0; tries < 500 && !looksLike(); tries++) await sleep(10);
  const found = processesOf(places);
  const words = `a page server (fetch, process ${fake.pid}) is left on n2`;
  assert.ok(orphanProcesses([VM], found)[0]?.what.startsWith(words));
  assert.match(orphanFiles(places, found)[0]?.what ?? '', "a page server's directory is left on n2");
  await end(fake);
  rmSync(join(places.runRoot, 'n2'), { recursive: true });
});

test('a RAM file that was put in the place of the one which the guest has mapped is seen', () => {
  renameSync(ramOf('n0'), `${ramOf('n0')}.kept`);
  writeFileSync(ramOf('n0'), '');
  assert.match(orphanFiles(places, processesOf(places))[0]?.what ?? '', 'has not mapped its RAM file');
  renameSync(`${ramOf('n0')}.kept`, ramOf('n0'));
});

test('one flipped bit in a RAM file is seen, by what the page says of itself and by what it was before', async () => {
  await says(channel('n0'), 'load 0');
  assert.equal(wrongPages(ramOf('n0'), 'vm', PAGES), []);
  const before = memoryOf(ramOf('n0'));
  const file = openSync(ramOf('n0'), 'r+');
  const flipped = Buffer.from([before.readUInt8(8 * PAGE_BYTES + 900) ^ 4]);
  writeSync(file, flipped, 0, 1, 8 * PAGE_BYTES + 900);
  closeSync(file);
  // Page 7 of the pattern is page 8 of the file.
  assert.equal(wrongPages(ramOf('n0'), 'vm', PAGES), [7]);
  assert.equal(changedPages(before, ramOf('n0')), [8]);
  assert.is(wrongPages(ramOf('n0'), 'other', PAGES).length, PAGES, "another VM's memory is all wrong");
});

test('a network namespace that is left is seen', () => {
  const folder = join(dir, 'netns');
  mkdirSync(folder);
  for (const name of ['shoal-x-n0', 'shoal-x-n7', 'other']) writeFileSync(join(folder, name), '');
  assert.equal(
    orphanNamespaces('shoal-x-', ['shoal-x-n0'], folder).map(v => v.what),
    ['a network namespace that nobody made for the lab: shoal-x-n7'],
  );
});

const told = (node: string, at: string, state = 'running'): Told => ({
  node,
  vms: [{ vm: VM, node: at, state, stale: false }],
  handoffs: [{ handoff: 'h1', inDoubt: true }],
});

test('a node that claims a VM whose process is elsewhere, or nowhere, is seen', () => {
  const { vmms } = processesOf(places);
  assert.equal(divergedViews([told('node1', 'n0')], vmms), []);
  assert.match(
    divergedViews([told('node1', 'n1')], vmms)[0]?.what ?? '',
    'running on n1; its process is on n0',
  );
  assert.match(divergedViews([told('node1', 'n0')], [])[0]?.what ?? '', 'its process is on no node');
  assert.is(divergedViews([told('node1', 'n0', 'degraded')], vmms).length, 1);
  assert.is(divergedViews([{ node: 'node1', vms: [], handoffs: [] }], vmms).length, 1);
});

test('a handoff without an end, without a reason, or with two ends is seen; one that every node shows in doubt is not', () => {
  const side = (node: string, outcome: string, detail = '', inDoubt = false) => ({
    node,
    outcome,
    detail,
    inDoubt,
  });
  const judged = (sides: Parameters<typeof openEnds>[0][number]['sides'], by = [told('node0', 'n0')]) =>
    openEnds([{ handoff: 'h1', vm: 'vm', sides, mayLose: false }], by).map(v => v.what);
  assert.equal(judged([side('a', 'done'), side('b', 'done')]), []);
  assert.equal(judged([side('a', 'aborted', 'why'), { node: 'b', unknown: true }]), []);
  assert.equal(judged([side('a', '', '', true), { node: 'b', unknown: true }]), []);
  assert.match(
    judged([side('a', '', '', true)], [{ ...told('node0', 'n0'), handoffs: [] }])[0] ?? '',
    'not all nodes show it',
  );
  assert.match(judged([side('a', '')])[0] ?? '', 'has no end on a, and is not in doubt');
  assert.match(judged([side('a', 'aborted')])[0] ?? '', 'ended aborted on a without a reason');
  assert.match(
    judged([side('a', 'done'), side('b', 'aborted', 'why')])[0] ?? '',
    'ended done on a and aborted on b',
  );
  assert.match(judged([{ node: 'a', unknown: true }])[0] ?? '', 'neither side knows of it');
  const gone = [side('a', 'done'), side('b', 'lost', 'why')];
  assert.match(judged(gone)[0] ?? '', 'ended done on a and lost on b');
  const torn = (sides: typeof gone) =>
    openEnds([{ handoff: 'h1', vm: 'vm', sides, mayLose: true }], [told('node0', 'n0')]).length;
  assert.is(torn(gone), 0, 'its stream was broken');
  assert.is(torn([...gone].reverse()), 1, 'only a target that owned it can say so');
});

test.run();
