/** `POST`: what people may change, on the unix socket alone. Over TCP every one of them is refused with one sentence. */
import type { Engine } from '@shoal/protocol';
import type { FastifyInstance } from 'fastify';
import { ShoalError } from '../../errors.ts';
import { PAUSE_MAX_MS } from '../flags.ts';
import type { AnswerName } from './answers.ts';
import type { HttpDeps } from './app.ts';
import { DRY, queryOf } from './queries.ts';
import { paramsOf } from './reads.ts';
import { NAME, object, oneOf } from './schema.ts';

const NOTHING = object({});
const MIGRATE = object({ node: NAME, engine: oneOf('postcopy', 'precopy') }, ['node', 'engine']);
const PAUSE = object({ ttlMs: { type: 'integer', minimum: 1, maximum: PAUSE_MAX_MS } });

type Named = { Params: { name: string } };

/** What a VM, its VMM or a peer may have against a change. */
const OF_VM = [
  'SHOAL_VM_UNKNOWN',
  'SHOAL_VM_ELSEWHERE',
  'SHOAL_VM_BUSY',
  'SHOAL_VM_MOVING',
  'SHOAL_VM_NOT_RUNNING',
  'SHOAL_VMM_GONE',
  'SHOAL_VMM_SILENT',
] as const;

/** `body`: `spec` is that of a VM. `code` and `answer`: when it is done; no answer = 204 without a body. */
type Change = {
  what: string;
  body: 'spec' | object;
  code: 201 | 202 | 200 | 204;
  answer: AnswerName | '';
  /** Codes that it may answer beside those of every change. */
  refusals?: readonly string[];
};

const done = { body: NOTHING, code: 204, answer: '' } as const;

/** Every path, what it does, takes and answers; `docs/reference` is held to it. */
export const CHANGES = {
  '/v1/vms': {
    what: 'Creates and starts a VM here; the body is its spec, YAML or JSON. 201: `{vm, name}`.',
    body: 'spec',
    code: 201,
    answer: 'Created',
    refusals: [
      'SHOAL_VM_SPEC',
      'SHOAL_VM_NAME_TAKEN',
      'SHOAL_NODE_FULL',
      'SHOAL_VMM_START',
      'SHOAL_VMM_SILENT',
    ],
  },
  '/v1/vms/:name/actions/start': {
    ...done,
    what: 'Starts a stopped or crashed VM again.',
    refusals: [...OF_VM, 'SHOAL_VM_RUNS', 'SHOAL_VM_SPEC', 'SHOAL_VMM_START'],
  },
  '/v1/vms/:name/actions/stop': {
    ...done,
    what: 'Asks the guest to power down, and ends it after 15 s. Answers when it is gone, 200: `{forced}`.',
    code: 200,
    answer: 'Stopped',
    refusals: OF_VM,
  },
  '/v1/vms/:name/actions/destroy': {
    ...done,
    what: 'Ends the VM and removes what was made for it.',
    refusals: OF_VM,
  },
  '/v1/vms/:name/actions/migrate': {
    what: 'Moves it and pins it there: `{node?, engine?}`. 202: `{handoff, node, pinnedMs}`.',
    body: MIGRATE,
    code: 202,
    answer: 'Moving',
    refusals: [...OF_VM, 'SHOAL_NO_TARGET', 'SHOAL_NODE_UNKNOWN', 'SHOAL_OFFER_REFUSED', 'SHOAL_PEER_BUSY'],
  },
  '/v1/vms/:name/actions/cancel': {
    ...done,
    what: 'Gives up its handoff, before the commit.',
    refusals: [...OF_VM, 'SHOAL_VM_SETTLED'],
  },
  '/v1/vms/:name/actions/unpin': { ...done, what: 'Lets the rule move it again.', refusals: OF_VM },
  '/v1/node/actions/cordon': { ...done, what: 'This node takes no more VMs.' },
  '/v1/node/actions/uncordon': { ...done, what: 'It takes VMs again.' },
  '/v1/mesh/actions/pause': {
    ...done,
    what: 'No moves by the rule for `{ttlMs}`.',
    body: PAUSE,
    refusals: ['SHOAL_PAUSE_TTL'],
  },
  '/v1/mesh/actions/resume': { ...done, what: 'Moves again.', refusals: ['SHOAL_PAUSED_ELSEWHERE'] },
} as const satisfies Record<string, Change>;

/** A read in form, but it names a socket that is of use to its node's root alone. */
export const CONSOLE = '/v1/vms/:name/console';

/** `curl -X POST` without a body asks for the same as `{}`. */
const emptyIsNothing = (request: { body: unknown }, _reply: unknown, done: () => void): void => {
  request.body ??= {};
  done();
};

export function addChanges(app: FastifyInstance, { api }: HttpDeps): void {
  const action = (
    path: keyof typeof CHANGES,
    act: (name: string, dry: boolean, body: unknown) => Promise<unknown>,
  ) => {
    const { body, code }: Change = CHANGES[path];
    app.post<Named>(
      path,
      { preValidation: emptyIsNothing, schema: { body, ...paramsOf(path) } },
      async ({ params, body, query }, reply) => {
        const { dryRun } = queryOf(DRY, query);
        const answer = await act(params.name, dryRun, body ?? {});
        return answer === undefined ? reply.code(204).send() : reply.code(dryRun ? 200 : code).send(answer);
      },
    );
  };
  app.post('/v1/vms', async ({ body, query, url }, reply) => {
    const { dryRun } = queryOf(DRY, query);
    if (body === undefined || body === null) {
      throw new ShoalError(
        'SHOAL_HTTP_BODY',
        'the body is empty',
        url,
        'Send the spec of the VM, YAML or JSON',
      );
    }
    return reply.code(dryRun ? 200 : CHANGES['/v1/vms'].code).send(await api.run(body, dryRun));
  });
  action('/v1/vms/:name/actions/start', (name, dry) => api.start(name, dry));
  action('/v1/vms/:name/actions/stop', (name, dry) => api.stop(name, dry));
  action('/v1/vms/:name/actions/destroy', (name, dry) => api.destroy(name, dry));
  action('/v1/vms/:name/actions/migrate', (name, dry, body) => {
    const { node, engine } = body as { node?: string; engine?: Engine };
    return api.migrate(name, node, engine, dry);
  });
  action('/v1/vms/:name/actions/cancel', (name, dry) => api.cancel(name, dry));
  action('/v1/vms/:name/actions/unpin', (name, dry) => api.unpin(name, dry));
  action('/v1/node/actions/cordon', (_, dry) => api.cordon(true, dry));
  action('/v1/node/actions/uncordon', (_, dry) => api.cordon(false, dry));
  action('/v1/mesh/actions/pause', (_, dry, body) => api.pause((body as { ttlMs: number }).ttlMs, dry));
  action('/v1/mesh/actions/resume', (_, dry) => api.resume(dry));
  app.get<Named>(CONSOLE, { schema: paramsOf(CONSOLE) }, async ({ params, query }) => {
    queryOf({}, query);
    return { path: api.consolePath(params.name) };
  });
}

/** The same paths on a listener that does not offer them. */
export function refuseChanges(app: FastifyInstance): void {
  const refuse = async ({ url }: { url: string }): Promise<never> => {
    throw new ShoalError(
      'SHOAL_HTTP_NEEDS_SOCKET',
      'changes and consoles are not offered over TCP: they need the unix socket of this node',
      url,
      'Run `shoal` on the node itself; HTTPS with tokens comes later',
    );
  };
  // Before the body is read: nobody who may not change anything gets us to parse.
  const nothing = () => undefined;
  for (const path of Object.keys(CHANGES)) app.post(path, { onRequest: refuse }, nothing);
  app.get(CONSOLE, { onRequest: refuse }, nothing);
}
