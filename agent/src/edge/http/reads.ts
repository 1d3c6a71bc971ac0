/** `GET`: the same on both listeners, and the same from any node of the cluster. */
import type { FastifyInstance } from 'fastify';
import { ShoalError } from '../../errors.ts';
import { clock } from '../clock.ts';
import type { AnswerName } from './answers.ts';
import type { HttpDeps } from './app.ts';
import { LIMIT, type Query, type QueryKinds, queryOf } from './queries.ts';
import { NAME, paramsOf } from './schema.ts';

/** `/v1/history` without `sinceMs` looks back so far. */
const HISTORY_MS = 600_000;

type Named = { Params: { name: string } };

/** `answer`: its schema's name in the OpenAPI document. `refusals`: codes that it may answer beside those of every read. */
type Read = { what: string; answer: AnswerName | ''; query?: QueryKinds; refusals?: readonly string[] };

/** Every path, what it takes and answers; `docs/reference` is held to it. */
export const READS = {
  '/v1/status': { what: 'The whole cluster as this node sees it.', answer: 'ClusterStatus' },
  '/v1/nodes': { what: 'Its nodes.', answer: 'NodeList' },
  '/v1/vms': { what: 'Its VMs.', answer: 'VmList' },
  '/v1/vms/:name': {
    what: 'One VM by name or UUID.',
    answer: 'VmStatus',
    refusals: ['SHOAL_VM_UNKNOWN'],
  },
  '/v1/vms/:name/doubt': {
    what: 'What this node knows of a handoff of that VM which does not end, and what may be said to end it.',
    answer: 'Doubt',
    refusals: ['SHOAL_VM_SETTLED'],
  },
  '/v1/decisions': {
    what: 'Frozen decisions of this node with all inputs, newest first.',
    answer: 'DecisionList',
    query: LIMIT,
  },
  '/v1/handoffs': {
    what: 'Running and ended handoffs, newest first.',
    answer: 'HandoffList',
    query: LIMIT,
  },
  '/v1/handoffs/:name': {
    what: 'One handoff by its UUID.',
    answer: 'HandoffStatus',
    refusals: ['SHOAL_HANDOFF_UNKNOWN'],
  },
  '/v1/history': {
    what: 'CPU and memory of a VM or node, a second a point.',
    answer: 'History',
    query: {
      subject: { ...NAME, description: 'Name of a VM or node.', maxLength: 63, required: true },
      sinceMs: {
        type: 'integer',
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description:
          "Milliseconds since 1970 by the asked node's wall clock; ten minutes ago when not given.",
      },
    },
  },
  '/v1/explain/:name': {
    what: 'Why a VM or node is as it is, in sentences.',
    answer: 'Explanation',
    refusals: ['SHOAL_UNKNOWN_SUBJECT', 'SHOAL_VM_UNKNOWN'],
  },
  '/v1/reports': { what: 'The load reports that the view stands on.', answer: 'ReportList' },
  '/v1/members': { what: 'Who belongs to the mesh, and who was removed.', answer: 'MemberList' },
  '/v1/registers': { what: 'The signed registers that all nodes share.', answer: 'RegisterList' },
  '/v1/policy': { what: "The rule's numbers as they hold on this node.", answer: 'PolicyStatus' },
  '/v1/openapi.json': { what: 'This API as an OpenAPI 3.1 document.', answer: 'OpenApi' },
  '/healthz': { what: '200 when all is well, else 503; the faults in sentences.', answer: 'Health' },
  '/metrics': { what: 'Prometheus text.', answer: '' },
} as const satisfies Record<string, Read>;

type QueryOf<P extends keyof typeof READS> = (typeof READS)[P] extends { query: infer Q extends QueryKinds }
  ? Query<Q>
  : Query<Record<never, QueryKinds[string]>>;

export function addReads(app: FastifyInstance, { api, metrics }: HttpDeps): void {
  const read = <P extends keyof typeof READS>(
    path: P,
    answer: (name: string, query: QueryOf<P>) => unknown,
  ): void => {
    const { query: kinds = {} }: Read = READS[path];
    app.get<Named>(path, { schema: paramsOf(path) }, async ({ params, query }) =>
      answer(params.name, queryOf(kinds, query) as QueryOf<P>),
    );
  };
  read('/v1/status', () => api.status());
  read('/v1/nodes', () => api.status().nodes);
  read('/v1/vms', () => api.status().vms);
  read('/v1/vms/:name', name => {
    const vm = api.status().vms.find(v => v.name === name || v.vm === name);
    if (!vm) throw new ShoalError('SHOAL_VM_UNKNOWN', 'no VM has that name', name, 'See `shoal vms`');
    return vm;
  });
  read('/v1/vms/:name/doubt', name => api.doubt(name));
  read('/v1/decisions', (_, { limit }) => api.decisions(limit));
  read('/v1/handoffs', (_, { limit }) => api.handoffs(limit));
  read('/v1/handoffs/:name', async id => {
    const handoff = await api.handoff(id);
    if (handoff) return handoff;
    throw new ShoalError(
      'SHOAL_HANDOFF_UNKNOWN',
      'this node takes no part in such a handoff',
      id,
      'Ask its source or its target; `shoal status` names both while it runs',
    );
  });
  read('/v1/history', (_, { subject, sinceMs }) =>
    api.history(subject, sinceMs ?? clock.wallMs() - HISTORY_MS),
  );
  read('/v1/explain/:name', subject => api.explain(subject));
  read('/v1/reports', () => api.reports());
  read('/v1/members', () => api.members());
  read('/v1/registers', () => api.registers());
  read('/v1/policy', () => api.policy());
  // Most agents are never asked for it: the document, and the schemas of all answers, are made when they are.
  read('/v1/openapi.json', async () => (await import('./openapi.ts')).openApi());
  app.get('/healthz', async ({ query }, reply) => {
    queryOf({}, query);
    const health = api.health();
    return reply.code(health.ok ? 200 : 503).send(health);
  });
  app.get('/metrics', async ({ query }, reply) => {
    queryOf({}, query);
    return reply.type(metrics.contentType).send(await metrics.text());
  });
}
