import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { aHandoff, aVm, TestApi } from '../http/test-api.ts';
import { explain } from './explain.ts';

const { cluster } = new TestApi();
const sentencesOf = (more: Parameters<typeof aHandoff>[0]) =>
  explain('vm1', { ...cluster, handoffs: [aHandoff(more)] }, undefined, []).sentences;

test('a VM that moves says from where to where, how far it is, and when it will be through', () => {
  const flow = { residualBytes: 49_000_000, bytesPerSecond: 110_000_000, secondsLeft: 0.4 };
  assert.equal(sentencesOf({ outcome: '', stage: 'transferring', ...flow }), [
    'vm1 is running on node1: CPU 50.3 % of a core, 1024 MiB.',
    'It moves from node0 to node1 by postcopy: transferring, 49 MB left, 110 MB a second, 1 s to go.',
  ]);
  const lost = { ...flow, bytesPerSecond: 0, secondsLeft: -1, linkLostMs: 3400 };
  const [, moving] = sentencesOf({ outcome: '', stage: 'transferring', ...lost });
  assert.is(
    moving,
    'It moves from node0 to node1 by postcopy: transferring, 49 MB left, the link is lost for 3 s.',
  );
});

test('a VM whose handoff has ended, or whose neighbour moves, says nothing of a move', () => {
  const still = ['vm1 is running on node1: CPU 50.3 % of a core, 1024 MiB.'];
  assert.equal(sentencesOf({}), still);
  assert.equal(sentencesOf({ outcome: '', vm: aVm('vm2', 'node1').vm }), still);
});

test.run();
