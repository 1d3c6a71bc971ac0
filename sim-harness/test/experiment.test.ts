import { existsSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { play } from '../experiments/beyond/loads.ts';
import { ARMS, labOf } from '../experiments/frame/arms.ts';
import { neededS } from '../experiments/frame/moves.ts';
import { onStage } from '../experiments/frame/stage.ts';
import { move } from './help.ts';

const NAME = 'stage';
const WANTS = [
  { atS: 0, vm: 'vm0', percent: 30 },
  { atS: 0, vm: 'vm1', percent: 30 },
];
const VMS = ['vm0', 'vm1'].map(name => ({ name, node: 'node0', memoryMib: 128, filledMib: 32 }));
/** Of the machine as it is: other tests run beside this one. */
const OPTIONS = labOf(ARMS.none, true, { name: NAME, cores: 'none', link: 'none' });

test('a run of an experiment tells of nodes and VMs by the second, of every move, and of the memory of who moved', async () => {
  let waited = -1;
  let lab = '';
  const { figures, series, moves, badPages } = await onStage(
    OPTIONS,
    async () => VMS,
    () => undefined,
    async stage => {
      lab = stage.lab.dir;
      stage.begin();
      await play(stage, WANTS, () => undefined);
      await stage.until(4000);
      await move(stage.lab, 'vm0', ['node0', 'node1'], 'postcopy');
      await stage.settled();
      await stage.until(stage.atMs + 3000);
      waited = stage.waits.of(stage.guest('vm0').vm).ranS;
      return stage.end(seen => ({ neededS: neededS(seen.moves, 'node1', seen.endMs) }));
    },
  );
  assert.equal(
    moves.map(({ vm, from, to, outcome }) => [vm, from, to, outcome]),
    [['vm0', 'node0', 'node1', 'done']],
  );
  const [moved] = moves;
  assert.ok(
    moved && moved.decidedAtMs >= 4000 && moved.switchedAtMs > moved.decidedAtMs,
    'times of the load',
  );
  for (const name of ['node0', 'node1', 'vm0', 'vm1']) {
    const points = series.find(one => one.name === name)?.points ?? [];
    assert.ok(points.length >= 4, `${name} has ${points.length} points`);
    assert.ok(
      points.every(([at], i) => i === 0 || at > (points[i - 1]?.[0] ?? 0)),
      `${name} goes by time`,
    );
  }
  assert.ok((figures.neededS ?? 0) >= 3, `node1 was needed for ${figures.neededS} s`);
  assert.ok(waited > 0, 'its vCPUs were seen on both nodes');
  assert.is(badPages, 0);
  assert.not.ok(existsSync(lab), 'nothing of the lab is left');
});

test('a run that breaks takes its lab with it', async () => {
  let lab = '';
  const broken = onStage(
    OPTIONS,
    async () => [],
    () => undefined,
    async stage => {
      lab = stage.lab.dir;
      throw new Error('as a build that fails');
    },
  );
  assert.match(await broken.then(String, String), 'as a build that fails');
  assert.not.ok(existsSync(lab), 'nothing of the lab is left');
});

test.run();
