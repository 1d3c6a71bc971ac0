/** `POST`: what people may change, on the unix socket alone. Over TCP every one of them is refused with one sentence. */
import type { Engine } from '@shoal/protocol';
import type { FastifyInstance } from 'fastify';
import { ShoalError } from '../../errors.ts';
import type { HttpDeps } from './app.ts';

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
  '/v1/vms/:name/actions/stop': 'Asks the guest to power down.',
  '/v1/vms/:name/actions/destroy': 'Ends the VM and removes what was made for it.',
  '/v1/vms/:name/actions/migrate': 'Moves it and pins it there: `{node?, engine?}`. 202: `{handoff}`.',
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

export function addChanges(app: FastifyInstance, { api }: HttpDeps): void {
  const action = (
    path: keyof typeof CHANGES,
    body: object,
    act: (name: string, body: unknown) => Promise<unknown>,
  ) =>
    app.post<Named>(
      path,
      { preValidation: emptyIsNothing, schema: { body } },
      async ({ params, body }, reply) => {
        const answer = await act(params.name, body ?? {});
        return answer === undefined ? reply.code(204).send() : reply.code(202).send(answer);
      },
    );
  app.post('/v1/vms', async ({ body, url }, reply) => {
    if (body === undefined || body === null) {
      throw new ShoalError(
        'SHOAL_HTTP_BODY',
        'the body is empty',
        url,
        'Send the spec of the VM, YAML or JSON',
      );
    }
    return reply.code(201).send(await api.run(body, 'socket'));
  });
  action('/v1/vms/:name/actions/start', NOTHING, name => api.start(name));
  action('/v1/vms/:name/actions/stop', NOTHING, name => api.stop(name));
  action('/v1/vms/:name/actions/destroy', NOTHING, name => api.destroy(name));
  action('/v1/vms/:name/actions/migrate', MIGRATE, (name, body) => {
    const { node, engine } = body as { node?: string; engine?: Engine };
    return api.migrate(name, node, engine);
  });
  action('/v1/vms/:name/actions/cancel', NOTHING, name => api.cancel(name));
  action('/v1/vms/:name/actions/unpin', NOTHING, name => api.unpin(name));
  action('/v1/node/actions/cordon', NOTHING, () => api.cordon(true));
  action('/v1/node/actions/uncordon', NOTHING, () => api.cordon(false));
  action('/v1/mesh/actions/pause', PAUSE, (_, body) => api.pause((body as { ttlMs: number }).ttlMs));
  action('/v1/mesh/actions/resume', NOTHING, () => api.resume());
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
