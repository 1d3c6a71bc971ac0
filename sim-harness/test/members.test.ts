import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ClusterStatus, MemberStatus } from '@shoal/agent/edge/http/api.types';
import { makeOperatorKey } from '@shoal/agent/edge/registers/operator-key';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { repositoryRoot } from '../guest/root.ts';
import { bringUp, type Lab, type LabNode } from '../lab/index.ts';
import { before, within } from './help.ts';

const LONG_MS = 30_000;

const dir = mkdtempSync(join(tmpdir(), 'shoal-members-'));
const key = join(dir, 'operator.key');
let operator: string;
let lab: Lab;
const test = suite('members');

before(test, async () => {
  operator = (await makeOperatorKey(key)).id;
  lab = await bringUp({
    name: 'members',
    nodes: 3,
    driver: 'micro',
    net: 'netns',
    link: 'none',
    cores: 'none',
    mode: 'observe',
    settings: { mesh: { operators: [operator] } },
  });
});
test.after(async () => {
  await lab?.down();
  rmSync(dir, { recursive: true });
});

/** The real command, asked as an operator would; answers both outputs, and whether it was done. */
async function shoal(node: string, ...args: string[]): Promise<{ done: boolean; text: string }> {
  const main = join(repositoryRoot(), 'agent', 'dist', 'cli', 'main.js');
  const all = [main, '--socket', lab.node(node).controlSocket, ...args];
  return promisify(execFile)(process.execPath, all, { timeout: LONG_MS }).then(
    ({ stdout, stderr }) => ({ done: true, text: stdout + stderr }),
    error => ({ done: false, text: `${error.stdout}${error.stderr}` }),
  );
}

const statusOf = (node: string) => lab.node(node).get<ClusterStatus>('/v1/status');
const memberAt = async (node: string, id: string) =>
  (await lab.node(node).get<MemberStatus[]>('/v1/members')).find(m => m.id === id);
const logOf = (node: LabNode) => readFileSync(node.state.log, 'utf8');

test('a member that is removed at one node is cut off by all, and comes back by the same command', async () => {
  const { nodeId } = await statusOf('node2');
  const incarnation = (await statusOf('node0')).nodes.find(n => n.name === 'node0')?.incarnation;
  assert.ok((await shoal('node0', 'leave', 'node2', '--key', key)).done);
  for (const node of ['node0', 'node1']) {
    await within(LONG_MS, `${node} has cut node2 off`, async () => {
      const { nodes } = await statusOf(node);
      return (await memberAt(node, nodeId))?.state === 'removed' && !nodes.some(n => n.name === 'node2');
    });
  }
  await within(LONG_MS, 'node2 hears of nobody', async () => {
    const { nodes } = await statusOf('node2');
    return nodes.every(n => n.name === 'node2' || n.state === 'stale');
  });
  const address = `/ip4/${lab.node('node2').address}/tcp/7420`;
  assert.ok(
    (await shoal('node1', 'join', nodeId, '--name', 'node2', '--address', address, '--key', key)).done,
  );
  await lab.converged();
  assert.is((await memberAt('node0', nodeId))?.by, 'register');
  const after = (await statusOf('node0')).nodes.find(n => n.name === 'node0')?.incarnation;
  assert.is(after, incarnation, 'no agent was restarted');
});

test("a pause holds when the node that it was asked for on is dead, and ends by an operator's word", async () => {
  assert.ok((await shoal('node0', 'pause', '--for', '1h')).done);
  await within(LONG_MS, 'node1 knows', async () => (await statusOf('node1')).pausedMs > 0);
  await lab.node('node0').kill();
  await within(LONG_MS, 'node0 is stale', async () =>
    (await statusOf('node1')).nodes.some(n => n.name === 'node0' && n.state === 'stale'),
  );
  assert.ok((await statusOf('node1')).pausedMs > 3_500_000);
  assert.match((await shoal('node1', 'resume')).text, /node0 still is/);
  assert.ok((await shoal('node1', 'resume', '--key', key)).done);
  assert.is((await statusOf('node1')).pausedMs, 0);
  await lab.startAgent('node0');
  await lab.converged();
  await within(
    LONG_MS,
    'node0 has learnt that it is over',
    async () => (await statusOf('node0')).pausedMs === 0,
  );
});

test("the rule's numbers change on all nodes at once, and all say so by their hash", async () => {
  const hashes = async (node: string) => (await statusOf(node)).nodes.map(n => n.policyHash);
  const [before] = await hashes('node0');
  assert.match(
    (await shoal('node1', 'policy', 'overloadPercent=20', '--key', key)).text,
    /idle must be below/,
  );
  assert.ok((await shoal('node1', 'policy', 'overloadPercent=85', '--key', key)).done);
  await within(LONG_MS, 'all have another rule, the same', async () => {
    const seen = new Set((await Promise.all(['node0', 'node1', 'node2'].map(hashes))).flat());
    return seen.size === 1 && !seen.has(before as string);
  });
});

test('a configuration that is read again changes who is an operator; one with faults changes nothing', async () => {
  const node = lab.node('node0');
  const { nodeId } = await statusOf('node2');
  const { config } = node.state;
  const text = readFileSync(config, 'utf8');
  const reload = async (what: string, changed: string) => {
    const from = logOf(node).length;
    node.writeConfig(changed);
    process.kill(node.pid as number, 'SIGHUP');
    await within(LONG_MS, what, () => logOf(node).slice(from).includes(what));
  };
  await reload('not read again', `${text}nonsense: 1\n`);
  assert.ok((await shoal('node0', 'leave', 'node2', '--key', key, '--dry-run')).done);
  await reload('members and operators read again', text.replace(`- ${operator}`, `- ${nodeId}`));
  const denied = await shoal('node0', 'leave', 'node2', '--key', key);
  assert.not.ok(denied.done);
  assert.match(denied.text, /no operator of this node/);
});

test.run();
