import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type AsleepEntry, asleepEntry, asleepKey } from '../../core/power/entry.ts';
import type { FarewellVerdict } from '../../core/power/judge-farewell.ts';
import { createLog } from '../log.ts';
import { type SharingNode, SharingNodes } from '../registers/test-mesh.ts';
import { Farewells } from './farewells.ts';

const nodes = new SharingNodes();
test.after(() => nodes.stop());

const ENTRY: AsleepEntry = {
  ...{ name: 'node2', incarnation: 4, bootId: 'b', atMs: 1, cores: 1 },
  ...{ memoryMib: 4096, memoryFreeMib: 4096, policyHash: 'p' },
};
const NO: FarewellVerdict = { yes: false, code: 'handoff', detail: 'a handoff with it is under way' };

const BY_RULE = { isManual: false, wakeAfterMs: 0 };

type Said = { peer: string; yes: boolean; detail: string };

async function polite(node: SharingNode, verdict: () => FarewellVerdict) {
  const answers: Said[] = [];
  const later: { id: string; afterMs: number }[] = [];
  let yields = 0;
  let ids = 0;
  const farewells = new Farewells({
    registers: node.shared.registers,
    mesh: node.mesh,
    newId() {
      ids += 1;
      return `3b241101-e2bb-4255-8caf-${String(ids).padStart(12, '0')}`;
    },
    log: createLog({ level: 'silent', node: 'test' }),
    judge: verdict,
    answered: (peer, yes, _canWake, detail) => void answers.push({ peer, yes, detail }),
    canWake: name => name === ENTRY.name,
    wakeLater: (id, afterMs) => void later.push({ id, afterMs }),
    yields() {
      yields += 1;
    },
  });
  await farewells.open();
  return { farewells, answers, later, yielded: () => yields };
}

async function until(what: () => boolean): Promise<void> {
  for (const end = performance.now() + 10_000; !what(); await sleep(10))
    if (performance.now() > end) throw new Error('it did not come to that');
}

const [a, b, absent] = await nodes.plan('a', 'b', 'absent');
const peers = [a!, b!, absent!];
const first = await nodes.start('a', a!, peers, []);
const second = await nodes.start('b', b!, peers, []);
await until(() => first.mesh.peers().length > 0 && second.mesh.peers().length > 0);
let verdict: FarewellVerdict = { yes: true, yield: false };
const sleeper = await polite(first, () => NO);
const peer = await polite(second, () => verdict);
const known = (node: SharingNode) => asleepEntry(node.shared.registers.get(asleepKey(first.id)).value);

test('a yes comes back once the entry is on the other node’s disk', async () => {
  await sleeper.farewells.say(ENTRY, BY_RULE, [second.id]);
  await until(() => sleeper.answers.length > 0);
  assert.equal(sleeper.answers, [{ peer: second.id, yes: true, detail: '' }]);
  assert.equal(known(second), ENTRY);
  await second.shared.registers.onDisk(asleepKey(first.id));
});

test('a farewell that is taken back leaves both nodes with an entry that says nothing', async () => {
  await sleeper.farewells.withdraw();
  await until(() => known(second) === undefined);
  assert.is(known(first), undefined);
});

test('a no comes back with its reason, and whoever yields is told so', async () => {
  sleeper.answers.length = 0;
  verdict = NO;
  await sleeper.farewells.say(ENTRY, BY_RULE, [second.id]);
  await until(() => sleeper.answers.length > 0);
  assert.equal(sleeper.answers, [{ peer: second.id, yes: false, detail: 'a handoff with it is under way' }]);
  await sleeper.farewells.withdraw();
  verdict = { yes: true, yield: true };
  await sleeper.farewells.say(ENTRY, BY_RULE, [second.id]);
  await until(() => sleeper.answers.length > 1);
  assert.is(peer.yielded(), 1);
  await sleeper.farewells.withdraw();
});

test('an answer to a farewell that was taken back counts for nothing', async () => {
  verdict = { yes: true, yield: false };
  sleeper.answers.length = 0;
  const said = sleeper.farewells.say(ENTRY, BY_RULE, [second.id]);
  await Promise.all([said, sleeper.farewells.withdraw()]);
  await sleep(300);
  assert.equal(sleeper.answers, []);
  assert.is(known(first), undefined);
  assert.is(known(second), undefined);
});

test('in a supervised test whoever knows how wakes the node later', async () => {
  sleeper.answers.length = 0;
  await sleeper.farewells.say(ENTRY, { isManual: true, wakeAfterMs: 20_000 }, [second.id]);
  await until(() => sleeper.answers.length > 0);
  assert.equal(peer.later, [{ id: first.id, afterMs: 20_000 }]);
  await sleeper.farewells.withdraw();
});

test('who cannot be reached has not said yes', async () => {
  sleeper.answers.length = 0;
  await sleeper.farewells.say(ENTRY, BY_RULE, [absent!.id]);
  await until(() => sleeper.answers.length > 0);
  assert.is(sleeper.answers[0]?.yes, false);
  await sleeper.farewells.withdraw();
});

test.run();
