import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { badPages, type Counted, overlaps, parseNotes, wentBack } from './ledger.ts';
import { keepCounted, LedgerFiles } from './ledger-files.ts';
import { type Harm, lostLives, standing } from './lives.ts';

/** `n0 7 a go 0 @10`: node, process, life, what, work, time. */
const notes = (...lines: string[]): Counted[] =>
  lines.map(line => {
    const [node = '', pid, life = '', what, work, at] = line.split(' ');
    return {
      ...{ vm: 'vm', node, pid: Number(pid), life, what: what as Counted['what'] },
      ...{ work: Number(work), bad: 0, atNs: Number(at?.slice(1)) },
    };
  });
const MOVED = [
  'n0 1 a go 0 @10',
  'n0 1 a beat 5 @20',
  'n0 1 a stand 6 @30',
  'n1 2 a loaded 6 @31',
  'n1 2 a go 6 @40',
  'n1 2 a beat 9 @90',
];

test('a VM that goes from one node to the other is no violation', () => {
  const good = notes(...MOVED);
  assert.equal([...overlaps(good), ...wentBack(good), ...badPages(good), ...lostLives(good, [])], []);
});

test('a second process that runs the same VM for a moment is seen, though it stands again', () => {
  const bad = notes(...MOVED, 'n0 1 a go 6 @60', 'n0 1 a stand 7 @61');
  assert.match(overlaps(bad)[0]?.what ?? '', /vm ran on n1 \(process 2\) and n0 \(process 1\) at once/);
});

test('a process that was killed ran until its last beat, and no longer', () => {
  const killed = ['n0 1 a go 0 @10', 'n0 1 a beat 5 @20'];
  assert.equal(overlaps(notes(...killed, 'n1 2 b go 0 @21')), []);
  assert.is(overlaps(notes(...killed, 'n1 2 b go 0 @19')).length, 1);
});

test('a guest that runs on from an older state is seen', () => {
  const bad = notes('n0 1 a go 0 @10', 'n0 1 a stand 9 @20', 'n1 2 a go 4 @30');
  assert.match(wentBack(bad)[0]?.what ?? '', 'had done 9 on n0 and then 4 on n1');
});

test('a page that the guest finds wrong is seen once', () => {
  const bad = notes(...MOVED).map(n => ({ ...n, bad: n.atNs > 30 ? 2 : 0 }));
  assert.is(badPages(bad).length, 1);
});

test('a VM that boots anew is lost, unless the process that had it was killed or its node had no memory', () => {
  const lost = notes('n0 1 a go 0 @10', 'n0 1 a beat 5 @20', 'n0 3 b go 0 @50');
  const none: Harm = { kind: 'killed', vm: 'other', pid: 1, atNs: 25 };
  assert.match(lostLives(lost, [none])[0]?.what ?? '', 'booted anew on n0');
  assert.is(
    lostLives(lost, [{ kind: 'killed', vm: 'vm', pid: 9, atNs: 25 }]).length,
    1,
    'another process of it',
  );
  assert.is(lostLives(lost, [{ kind: 'killed', vm: 'vm', pid: 1, atNs: 60 }]).length, 1, 'killed later');
  assert.equal(lostLives(lost, [{ kind: 'killed', vm: 'vm', pid: 1, atNs: 25 }]), []);
  assert.equal(lostLives(lost, [{ kind: 'no-memory', node: 'n0', fromNs: 15, toNs: 30 }]), []);
  assert.is(lostLives(lost, [{ kind: 'no-memory', node: 'n2', fromNs: 15, toNs: 30 }]).length, 1);
});

test('a target that is killed before it has taken all over does not excuse the loss of the VM', () => {
  const lives = ['n0 1 a go 0 @10', 'n0 1 a stand 5 @20'];
  const kill: Harm = { kind: 'killed', vm: 'vm', pid: 2, atNs: 40 };
  assert.is(lostLives(notes(...lives, 'n0 3 b go 0 @50'), [kill]).length, 1);
  assert.equal(lostLives(notes(...lives, 'n1 2 a loaded 5 @30', 'n1 3 b go 0 @50'), [kill]), []);
});

test('a VM that nobody executes is seen, whatever anybody says of it', () => {
  assert.equal(standing(['vm'], notes(...MOVED), 95, 50), []);
  assert.match(standing(['vm'], notes(...MOVED), 200, 50)[0]?.what ?? '', 'beat on n1');
  assert.match(standing(['gone'], notes(...MOVED), 95, 50)[0]?.what ?? '', 'nothing');
  assert.is(standing(['vm'], notes(...MOVED, 'n1 2 a stand 9 @94'), 95, 50).length, 1);
});

test('beats are joined only where no checker would see a difference', () => {
  const joined: Counted[] = [];
  for (const note of notes(
    ...MOVED.slice(0, 2),
    'n0 1 a beat 6 @22',
    'n0 1 a beat 4 @24',
    'n0 1 a beat 5 @26',
  ))
    keepCounted(joined, note);
  assert.equal(
    joined.map(n => n.atNs),
    [10, 22, 26],
  );
  assert.is(wentBack(joined).length, 1);
});

test('a ledger is read as it grows, half lines wait for their end, and a line that is none stops everything', () => {
  const dir = mkdtempSync(join(tmpdir(), 'shoal-ledger-'));
  try {
    const file = join(dir, 'vm0');
    const line = 'n1 12 00000000000000ff go 3 0 1000';
    appendFileSync(file, `${line}\n${line.slice(0, 9)}`);
    const files = new LedgerFiles(dir);
    files.read();
    assert.is(files.notes('vm0').length, 1);
    appendFileSync(file, `${line.slice(9)}\n`);
    files.read();
    assert.equal(files.notes('vm0')[1], parseNotes('vm0', line)[0]);
    appendFileSync(file, 'nonsense\n');
    assert.throws(() => files.read(), /a line that is none: nonsense/);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test.run();
