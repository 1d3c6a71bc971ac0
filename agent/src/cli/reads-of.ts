/** Another node's HTTP, for reads: where it answers is known to the node that is asked. */
import type { NodeStatus } from '../edge/http/api.types.ts';
import { Client } from './client.ts';
import type { Shell } from './shell.ts';

/** What is shown goes on without an answer of another node. */
export const ANSWER_MAX_MS = 1500;

/** Rejects with a ShoalError when that node tells of no HTTP. */
export async function readsOf(shell: Shell, name: string): Promise<Client> {
  const { value } = await shell.client.get<NodeStatus[]>('/v1/nodes', 'list', ANSWER_MAX_MS);
  const http = value.find(node => node.name === name)?.http ?? '';
  return new Client({ socket: '', node: `http://${http}`, tokenFile: '', fingerprint: '', actor: '' });
}
