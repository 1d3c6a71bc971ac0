import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));

/** What `npm run sim` prints, in a process of its own. */
function sim(...args: string[]): { status: number | null; lines: string[] } {
  const node = ['--conditions=source', '--import', 'tsx', main, ...args];
  const { status, stdout } = spawnSync(process.execPath, node, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  return { status, lines: stdout.split('\n') };
}

test('a run is repeated by its seed alone, byte for byte, in another process', () => {
  const [one, two] = [sim('--seed', '7'), sim('--seed', '7')];
  assert.ok(one.lines.length > 100, `${one.lines.length} lines`);
  assert.equal(one.lines, two.lines);
  assert.not.equal(sim('--seed', '8').lines, one.lines);
});

test('two idle nodes with a VM each pack them by the rule: one move, and then rest', () => {
  const { status, lines } = sim('--seed', '1', '--nodes', '2', '--calm');
  assert.is(status, 0);
  const moves = lines.filter(line => line.includes('both are idle'));
  assert.is(moves.length, 1);
  const journal = lines.flatMap(line => /journal: \w+ (\w+ \S+)$/.exec(line)?.[1] ?? []);
  assert.equal(
    [...new Set(journal.filter(record => record.startsWith('source')))],
    ['source preparing', 'source switching', 'source committed', 'source released'],
  );
});

test('a wrong argument is told of in one line', () => {
  assert.is(sim('--seed', 'x').status, 2);
  assert.is(sim('--seeds', '0').status, 2);
});

test.run();
