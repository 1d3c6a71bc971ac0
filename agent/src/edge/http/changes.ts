/** `POST`: what people may change, on the unix socket alone. Over TCP every one of them is refused with one sentence. */
import type { Engine } from '@shoal/protocol';
import type { FastifyInstance } from 'fastify';
import { ShoalError } from '../../errors.ts';
import type { HttpDeps } from './app.ts';
import { flagOf, onlyKnown } from './queries.ts';

const object = (properties: Record<string, object>, required: string[] = []) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});
const NOTHING = object({});
const MIGRATE = object({
  node: { type: 'string', minLength: 1, maxLength: 128 },
  engine: { type: 'string', enum: ['postcopy', 'precopy'] },
});
const PAUSE = object({ ttlMs: { type: 'integer', minimum: 1 } }, ['ttlMs']);

type Named = { Params: { name: string } };

/** Every path, what it does and its fields; `docs/reference/http.md` is held to it. */
export const CHANGES = {
  '/v1/vms': 'Creates and starts a VM here; the body is its spec, YAML or JSON. 201: `{vm, name}`.',
  '/v1/vms/:name/actions/start': 'Starts a stopped or crashed VM again.',
  '/v1/vms/:name/actions/stop':
    'Asks the guest to power down, and ends it after 15 s. Answers when it is gone, 200: `{forced}`.',
  '/v1/vms/:name/actions/destroy': 'Ends the VM and removes what was made for it.',
  '/v1/vms/:name/actions/migrate':
    'Moves it and pins it there: `{node?, engine?}`. 202: `{handoff, node, pinnedMs}`.',
  '/v1/vms/:name/actions/cancel': 'Gives up its handoff, before the commit.',
  '/v1/vms/:name/actions/unpin': 'Lets the rule move it again.',
  '/v1/node/actions/cordon': 'This node takes no more VMs.',
  '/v1/node/actions/uncordon': 'It takes VMs again.',
  '/v1/mesh/actions/pause': 'No moves by the rule for `{ttlMs}`.',
  '/v1/mesh/actions/resume': 'Moves again.',
} as const;

/** `curl -X POST` without a body asks for the same as `{}`. */
const emptyIsNothing = (request: { body: unknown }, _reply: unknown, done: () => void): void => {
  request.body ??= {};
  done();
};

const dryOf = (query: unknown): boolean => {
  onlyKnown(query, ['dryRun']);
  return flagOf(query, 'dryRun');
};

export function addChanges(app: FastifyInstance, { api }: HttpDeps): void {
  const action = (
    path: keyof typeof CHANGES,
    body: object,
    code: number,
    act: (name: string, dry: boolean, body: unknown) => Promise<unknown>,
  ) =>
    app.post<Named>(
      path,
      { preValidation: emptyIsNothing, schema: { body } },
      async ({ params, body, query }, reply) => {
        const dry = dryOf(query);
        const answer = await act(params.name, dry, body ?? {});
        return answer === undefined ? reply.code(204).send() : reply.code(dry ? 200 : code).send(answer);
      },
    );
  app.post('/v1/vms', async ({ body, query, url }, reply) => {
    const dry = dryOf(query);
    if (body === undefined || body === null) {
      throw new ShoalError(
        'SHOAL_HTTP_BODY',
        'the body is empty',
        url,
        'Send the spec of the VM, YAML or JSON',
      );
    }
    return reply.code(dry ? 200 : 201).send(await api.run(body, dry));
  });
  action('/v1/vms/:name/actions/start', NOTHING, 204, (name, dry) => api.start(name, dry));
  action('/v1/vms/:name/actions/stop', NOTHING, 200, (name, dry) => api.stop(name, dry));
  action('/v1/vms/:name/actions/destroy', NOTHING, 204, (name, dry) => api.destroy(name, dry));
  action('/v1/vms/:name/actions/migrate', MIGRATE, 202, (name, dry, body) => {
    const { node, engine } = body as { node?: string; engine?: Engine };
    return api.migrate(name, node, engine, dry);
  });
  action('/v1/vms/:name/actions/cancel', NOTHING, 204, (name, dry) => api.cancel(name, dry));
  action('/v1/vms/:name/actions/unpin', NOTHING, 204, (name, dry) => api.unpin(name, dry));
  action('/v1/node/actions/cordon', NOTHING, 204, (_, dry) => api.cordon(true, dry));
  action('/v1/node/actions/uncordon', NOTHING, 204, (_, dry) => api.cordon(false, dry));
  action('/v1/mesh/actions/pause', PAUSE, 204, (_, dry, body) =>
    api.pause((body as { ttlMs: number }).ttlMs, dry),
  );
  action('/v1/mesh/actions/resume', NOTHING, 204, (_, dry) => api.resume(dry));
  app.get<Named>('/v1/vms/:name/console', async ({ params }) => ({ path: api.consolePath(params.name) }));
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
  app.get('/v1/vms/:name/console', { onRequest: refuse }, nothing);
}
