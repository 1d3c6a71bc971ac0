/** Commands that only look. */
import type {
  ClusterStatus,
  DecisionRecord,
  Explanation,
  HandoffStatus,
  NodeStatus,
  VmStatus,
} from '../edge/http/api.types.ts';
import { ShoalError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { ascii } from './format.ts';
import { print, type Shell } from './shell.ts';
import * as show from './show/decisions.ts';
import { handoffAlone } from './show/handoff.ts';
import { handoffsInFull } from './show/handoffs.ts';
import { nodesInFull } from './show/nodes.ts';
import { status as statusLines } from './show/status.ts';
import { vmsInFull } from './show/vms.ts';
import { TargetSide } from './target-side.ts';

/** As many as an agent lists. */
const LOOKED_THROUGH = 500;

export async function status(shell: Shell): Promise<void> {
  print(shell, await shell.client.get<ClusterStatus>('/v1/status', 'object'), s =>
    statusLines(s, shell.style),
  );
}

export async function nodes(shell: Shell): Promise<void> {
  print(shell, await shell.client.get<NodeStatus[]>('/v1/nodes', 'list'), n => nodesInFull(n, shell.style));
}

export async function vms(shell: Shell): Promise<void> {
  print(shell, await shell.client.get<VmStatus[]>('/v1/vms', 'list'), v => vmsInFull(v, shell.style));
}

export async function explain(shell: Shell, name: string): Promise<void> {
  const answer = await shell.client.get<Explanation>(`/v1/explain/${encodeURIComponent(name)}`, 'object');
  print(shell, answer, e => e.sentences);
}

export async function handoffs(shell: Shell, limit: number): Promise<void> {
  const answer = await shell.client.get<HandoffStatus[]>(`/v1/handoffs?limit=${limit}`, 'list');
  print(shell, answer, h => handoffsInFull(h, shell.style));
}

/** `name`: an id, the beginning of one as lists show it, or a VM, of which the newest is meant. */
export async function handoff(shell: Shell, name: string): Promise<void> {
  const rows = (await shell.client.get<HandoffStatus[]>(`/v1/handoffs?limit=${LOOKED_THROUGH}`, 'list'))
    .value;
  const found = rows.find(h => h.name === name || h.vm === name || h.handoff.startsWith(name));
  if (!found)
    throw new ShoalError(
      'SHOAL_HANDOFF_UNKNOWN',
      `none of the newest ${LOOKED_THROUGH} handoffs here has that id or VM`,
      name,
      'See `shoal handoffs`',
    );
  const answer = await shell.client.get<HandoffStatus>(`/v1/handoffs/${found.handoff}`, 'object');
  const value = shell.json ? answer.value : await new TargetSide(shell, found.handoff).last(answer.value);
  print(shell, { ...answer, value }, h => {
    const lines = handoffAlone(h, shell.style, shell.plain);
    return shell.plain ? lines.map(ascii) : lines;
  });
}

export async function decisions(shell: Shell, limit: number): Promise<void> {
  const answer = await shell.client.get<DecisionRecord[]>(`/v1/decisions?limit=${limit}`, 'list');
  print(shell, answer, d => show.decisions(d, shell.now(), shell.style));
}

/** The agent's version is told when it answers; that it does not is no fault of this command. */
export async function version(shell: Shell): Promise<void> {
  const agent = await shell.client.get<ClusterStatus>('/v1/status', 'object').then(
    ({ value }) => value.version,
    error => {
      if (error instanceof ShoalError) return null;
      throw error;
    },
  );
  const value = { shoal: VERSION, agent };
  print(shell, { text: JSON.stringify(value), value }, v => [
    `shoal   ${v.shoal}`,
    `shoald  ${v.agent ?? `does not answer (${shell.client.where})`}`,
  ]);
}
