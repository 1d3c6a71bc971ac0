/** `GET`: the same on both listeners, and the same from any node of the cluster. */
import type { FastifyInstance } from 'fastify';
import { ShoalError } from '../../errors.ts';
import { clock } from '../clock.ts';
import type { HttpDeps } from './app.ts';
import { onlyKnown, textOf, wholeOf } from './queries.ts';

const LIMIT = { fallback: 20, min: 1, max: 500 };
/** `/v1/history` without `sinceMs` looks back so far. */
const HISTORY_MS = 600_000;

type Named = { Params: { name: string } };

/** Every path and the parameters that it takes; `docs/reference/http.md` is held to it. */
export const READS = {
  '/v1/status': { query: [], what: 'The whole cluster as this node sees it.' },
  '/v1/nodes': { query: [], what: 'Its nodes.' },
  '/v1/vms': { query: [], what: 'Its VMs.' },
  '/v1/vms/:name': { query: [], what: 'One VM by name or UUID.' },
  '/v1/decisions': { query: ['limit'], what: 'Frozen decisions of this node with all inputs, newest first.' },
  '/v1/handoffs': { query: ['limit'], what: 'Running and ended handoffs, newest first.' },
  '/v1/handoffs/:name': { query: [], what: 'One handoff by its UUID.' },
  '/v1/history': { query: ['subject', 'sinceMs'], what: 'CPU and memory of a VM or node, a second a point.' },
  '/v1/explain/:name': { query: [], what: 'Why a VM or node is as it is, in sentences.' },
  '/v1/reports': { query: [], what: 'The load reports that the view stands on.' },
  '/healthz': { query: [], what: '200 when all is well, else 503; the faults in sentences.' },
  '/metrics': { query: [], what: 'Prometheus text.' },
} as const;

export function addReads(app: FastifyInstance, { api, metrics }: HttpDeps): void {
  const read = (path: keyof typeof READS, answer: (name: string, query: unknown) => unknown): void => {
    app.get<Named>(path, async ({ params, query }) => {
      onlyKnown(query, READS[path].query);
      return answer(params.name, query);
    });
  };
  read('/v1/status', () => api.status());
  read('/v1/nodes', () => api.status().nodes);
  read('/v1/vms', () => api.status().vms);
  read('/v1/vms/:name', name => {
    const vm = api.status().vms.find(v => v.name === name || v.vm === name);
    if (!vm) throw new ShoalError('SHOAL_VM_UNKNOWN', 'no VM has that name', name, 'See `shoal vms`');
    return vm;
  });
  read('/v1/decisions', (_, query) => api.decisions(wholeOf(query, 'limit', LIMIT)));
  read('/v1/handoffs', (_, query) => api.handoffs(wholeOf(query, 'limit', LIMIT)));
  read('/v1/handoffs/:name', async id => {
    const handoff = await api.handoff(id);
    if (handoff) return handoff;
    throw new ShoalError(
      'SHOAL_HANDOFF_UNKNOWN',
      'this node knows no such handoff',
      id,
      'See `shoal handoffs`',
    );
  });
  read('/v1/history', (_, query) => {
    const nowMs = clock.wallMs();
    const sinceMs = wholeOf(query, 'sinceMs', {
      fallback: nowMs - HISTORY_MS,
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
    });
    return api.history(textOf(query, 'subject'), sinceMs);
  });
  read('/v1/explain/:name', subject => api.explain(subject));
  read('/v1/reports', () => api.reports());
  app.get('/healthz', async ({ query }, reply) => {
    onlyKnown(query, []);
    const health = api.health();
    return reply.code(health.ok ? 200 : 503).send(health);
  });
  app.get('/metrics', async (_, reply) => reply.type(metrics.contentType).send(await metrics.text()));
}
