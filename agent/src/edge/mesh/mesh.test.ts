import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bytes, repeatUntil, TestNodes, until } from './test-nodes.ts';

const nodes = new TestNodes();
test.after(() => nodes.stop());

test('three nodes see the reports of each other, each once', async () => {
  const list = await nodes.plan('a1', 'b1', 'c1');
  const [a, b, c] = await Promise.all([
    nodes.start('a1', list[0]!, list),
    nodes.start('b1', list[1]!, list),
    nodes.start('c1', list[2]!, list),
  ]);
  const all = [a, b, c];
  await until('all connected', () => all.every(node => node.mesh.peers().length === 2));
  let seq = 0;
  const everyoneHeardAll = () =>
    all.every(node => new Set(node.reports.map(report => report.author)).size === 2);
  const publish = () => {
    seq += 1;
    return Promise.all(all.map(node => node.mesh.publish(bytes(`${node.mesh.id} ${seq}`))));
  };
  await repeatUntil('all reports everywhere', publish, everyoneHeardAll);
  for (const node of all) {
    const heard = node.reports.map(report => report.text);
    assert.is(new Set(heard).size, heard.length, 'no report came twice');
    assert.not.ok(
      heard.some(report => report.startsWith(node.mesh.id)),
      'own reports are not heard',
    );
  }
  const { sentBytes, receivedBytes, reportsSent } = a.mesh.stats();
  assert.ok(sentBytes > 0 && receivedBytes > 0);
  assert.is(reportsSent, seq);
});

test('a report reaches a node that has no link to its author, through the third', async () => {
  const list = await nodes.plan('a2', 'b2', 'c2');
  const [a, b, c] = list as [(typeof list)[0], (typeof list)[0], (typeof list)[0]];
  // a and b know where c is and each other's ids, and nothing more; c dials nobody.
  const bare = ({ id }: { id: string }) => ({ id, addresses: [] });
  const left = await nodes.start('a2', a, [bare(b), c]);
  const right = await nodes.start('b2', b, [bare(a), c]);
  const middle = await nodes.start('c2', c, [bare(a), bare(b)]);
  await until('both at c', () => middle.mesh.peers().length === 2);
  let seq = 0;
  await repeatUntil(
    'the report came by way of c',
    () => left.mesh.publish(bytes(`${left.mesh.id} ${++seq}`)),
    () => right.reports.some(report => report.author === left.mesh.id),
  );
  assert.equal(right.mesh.peers(), [middle.mesh.id]);
  assert.is(right.reports.at(-1)?.waitedMs, 0, 'all its reports come so: one of them is as good as any');
});

test('a node that is stopped and started again with its key is back', async () => {
  const list = await nodes.plan('a3', 'b3');
  const [a, b] = list as [(typeof list)[0], (typeof list)[0]];
  const stays = await nodes.start('a3', a, list);
  const goes = await nodes.start('b3', b, list);
  await until('connected', () => stays.mesh.peers().length === 1);
  const changes: string[] = [];
  stays.mesh.onPeer((peer, change) => changes.push(`${peer} ${change}`));
  await nodes.stopOne(goes);
  await until('seen to leave', () => stays.mesh.peers().length === 0);
  const back = await nodes.start('b3', b, list);
  assert.is(back.mesh.id, b.id);
  await repeatUntil(
    'its report is there again',
    () => back.mesh.publish(bytes(`${b.id} again`)),
    () => stays.reports.some(report => report.text === `${b.id} again`),
  );
  // A link whose gossip stream broke in the quick reconnect is cut and made anew, and the log says so: no other reason
  // for a second pair.
  const cuts = [...stays.lines, ...back.lines].filter(line => line.event === 'link-cut');
  const pair = [`${b.id} down`, `${b.id} up`];
  assert.equal(changes, cuts.length > 0 ? [...pair, ...pair] : pair, JSON.stringify(cuts));
});

test('a peer taken off the list is cut and its reports stop', async () => {
  const list = await nodes.plan('a4', 'b4');
  const [a, b] = list as [(typeof list)[0], (typeof list)[0]];
  const keeper = await nodes.start('a4', a, list);
  const removed = await nodes.start('b4', b, list);
  const publish = () => removed.mesh.publish(bytes(`${b.id} hello`));
  await repeatUntil('heard once', publish, () => keeper.reports.length > 0);
  keeper.mesh.setAllowed([a]);
  await until('cut', () => keeper.mesh.peers().length === 0);
  const before = keeper.reports.length;
  // It dials again at once, being the other end of a lost link; give it time to try.
  await new Promise(resolve => setTimeout(resolve, 1_500));
  await publish();
  assert.is(keeper.reports.length, before);
  assert.equal(keeper.mesh.peers(), []);
  assert.ok(keeper.lines.some(line => line.event === 'peer-removed' && line.fields.peer === b.id));
});

test.run();
