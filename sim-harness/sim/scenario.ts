/**
 * A scenario: a cluster and what happens to it, replayed with the real node, and the log that must come of it. A folder
 * of `sim-harness/scenarios` holds one: README.md (what it shows), cluster.json, commands.json, expected.log.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ShoalError } from '@shoal/agent';
import { unsettled } from './check/converged.ts';
import { Journals } from './check/journals.ts';
import { Cluster, type VmWanted } from './cluster.ts';
import { type Command, carryOut } from './commands.ts';
import { storyOf } from './story.ts';

export type ScenarioCluster = {
  nodes: { cores: number; memoryMib: number }[];
  /** Node numbers are those of the names: 1 is node1. */
  vms: VmWanted[];
  /** Of every node, as in its YAML. */
  config?: Record<string, unknown>;
};

/** What must hold at the end, beside all that always must. */
export type Assertions = {
  /** How often a VM went on on another node. */
  moves?: number;
  /** Node of each VM at the end. */
  placement?: Record<string, string>;
  /** Handoffs by the last record of their source. */
  outcomes?: Record<string, number>;
  /** Parts of lines that must be in the log, in this order. */
  inOrder?: string[];
  /** Parts of lines that must not be in it. */
  never?: string[];
};

export type ScenarioScript = { untilS: number; commands: Command[]; assert: Assertions };

export type ScenarioResult = { log: string[]; faults: string[] };

const ROOT = fileURLToPath(import.meta.url).includes('/dist/')
  ? join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'scenarios')
  : join(dirname(fileURLToPath(import.meta.url)), '..', 'scenarios');

export const scenarioNames = (): string[] =>
  readdirSync(ROOT, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => entry.name)
    .sort();

/** Replays it and compares. `update` writes the log down as the expected one instead. */
export async function scenario(name: string, update: boolean): Promise<ScenarioResult> {
  const dir = join(ROOT, name);
  if (!existsSync(join(dir, 'cluster.json')))
    throw new ShoalError(
      'SHOAL_SIM_ARGS',
      'there is no such scenario',
      name,
      `Choose of ${scenarioNames().join(', ')}`,
    );
  const read = <T>(file: string) => JSON.parse(readFileSync(join(dir, file), 'utf8')) as T;
  const result = await replay(read<ScenarioCluster>('cluster.json'), read<ScenarioScript>('commands.json'));
  const path = join(dir, 'expected.log');
  const text = `${result.log.join('\n')}\n`;
  if (update) writeFileSync(path, text);
  else {
    const expected = existsSync(path) ? readFileSync(path, 'utf8') : '';
    if (text !== expected) result.faults.push(difference(expected.split('\n'), text.split('\n')));
  }
  return result;
}

function difference(expected: string[], got: string[]): string {
  const at = got.findIndex((line, i) => line !== expected[i]);
  return `the log differs from expected.log at line ${at + 1}:\n  expected ${expected[at] ?? 'nothing'}\n  got      ${got[at] ?? 'nothing'}`;
}

async function replay(wanted: ScenarioCluster, script: ScenarioScript): Promise<ScenarioResult> {
  const { nodes, vms, config } = wanted;
  const cluster = new Cluster({
    ...{ seed: undefined, log: true, machines: nodes, drift: 0, plants: new Set() },
    config: JSON.stringify(config ?? {}),
  });
  const { world } = cluster;
  const journals = new Journals(world);
  cluster.onWritten = (...args) => journals.written(...args);
  await cluster.boot();
  for (const vm of vms) cluster.create({ ...vm, node: vm.node - 1 });
  for (const command of script.commands)
    world.time.after(command.atS * 1000 - world.time.nowMs, () => carryOut(cluster, command));
  await world.time.runUntil(script.untilS * 1000);
  const log = storyOf(world.log.lines);
  return { log, faults: [...world.truth.violations, ...judged(cluster, journals, script.assert, log)] };
}

function judged(cluster: Cluster, journals: Journals, assert: Assertions, log: string[]): string[] {
  const { truth, machines } = cluster.world;
  const faults = machines.some(m => m.power !== 'on') ? [] : unsettled(cluster);
  const differs = (what: string, wanted: unknown, got: unknown) => {
    if (wanted !== undefined && JSON.stringify(wanted) !== JSON.stringify(got))
      faults.push(`${what}: ${JSON.stringify(wanted)} was asserted, it is ${JSON.stringify(got)}`);
  };
  differs('moves', assert.moves, truth.moves);
  differs('outcomes', assert.outcomes, journals.outcomes());
  for (const [name, node] of Object.entries(assert.placement ?? {}))
    differs(
      `node of ${name}`,
      node,
      truth
        .runners(cluster.vm(name).vm)
        .map(r => r.machine.name)
        .join(' and '),
    );
  let from = 0;
  for (const part of assert.inOrder ?? []) {
    const at = log.findIndex((line, i) => i >= from && line.includes(part));
    if (at < 0) faults.push(`not in the log, or not in this order: ${part}`);
    else from = at + 1;
  }
  for (const part of assert.never ?? [])
    if (log.some(line => line.includes(part))) faults.push(`in the log: ${part}`);
  return faults;
}
