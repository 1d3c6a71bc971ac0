import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { askedAbout, CHECKERS } from './checkers.ts';
import { MUTATIONS } from './mutations.ts';
import { runMutations } from './run.ts';
import { matrix } from './table.ts';
import { Tree } from './tree.ts';

const test = suite('mutations');

test('every fault has its line in the tree, once, and somebody who must notice it', () => {
  for (const { name, file, find, caughtBy } of MUTATIONS) {
    assert.is(readFileSync(file, 'utf8').split(find).length - 1, 1, `${name} in ${file}`);
    assert.ok(caughtBy.length > 0, name);
    for (const checker of caughtBy) assert.ok(checker in CHECKERS, `${name}: ${checker}`);
  }
  assert.is(new Set(MUTATIONS.map(m => m.name)).size, MUTATIONS.length);
});

test('every checker has a fault that it was seen to notice', () => {
  const used = new Set(MUTATIONS.flatMap(m => m.caughtBy));
  assert.equal(
    Object.keys(CHECKERS).filter(name => !used.has(name)),
    [],
  );
});

test('asked about a fault are those who must notice it; on demand also all who read its file and take little time', () => {
  for (const mutation of MUTATIONS) {
    assert.equal(askedAbout(mutation).sort(), [...mutation.caughtBy].sort(), mutation.name);
    const all = askedAbout(mutation, true);
    assert.ok(all.length > mutation.caughtBy.length, mutation.name);
    assert.is(all.includes('simulator'), mutation.file.startsWith('agent/src/'), mutation.name);
    assert.is(all.includes('power cut'), mutation.caughtBy.includes('power cut'), mutation.name);
  }
});

test('the table of all names who missed a fault, and who was not asked', () => {
  const row = { mutation: 'one', checker: 'a', must: true, outcome: 'caught', seconds: 1 } as const;
  const rows = [row, { ...row, mutation: 'other', outcome: 'missed' }, { ...row, checker: 'b' }] as const;
  assert.equal(matrix(rows).split('\n'), ['       1  2', 'one    ✓  ✓', 'other  ·   ', '1 a', '2 b']);
});

test('a fault that nobody can see is told as missed, and a tree that does not load as fallen over', async () => {
  const tree = new Tree(process.cwd());
  try {
    const file = 'agent/src/core/view.ts';
    const find = "if (old) return 'old';";
    const harmless = { name: 'none', fault: '', file, find, replace: `${find} `, caughtBy: ['view tests'] };
    const broken = { ...harmless, replace: 'if (' };
    const rows = await runMutations(tree, [harmless, broken], () => undefined);
    assert.equal(
      rows.map(r => r.outcome),
      ['missed', 'fell over'],
    );
    assert.is(
      readFileSync(`${tree.dir}/${file}`, 'utf8'),
      readFileSync(file, 'utf8'),
      'the fault is taken out',
    );
  } finally {
    await tree.remove();
  }
});

test.run();
