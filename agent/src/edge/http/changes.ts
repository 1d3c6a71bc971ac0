/** `POST`: what people may change: on the unix socket, and over HTTPS with a token. Over plain HTTP each is refused with one sentence. */
import {
  type Engine,
  type Mode,
  REGISTER_KEY_BYTES_MAX,
  REGISTER_VALUE_BYTES_MAX,
  type Register,
} from '@shoal/protocol';
import type { FastifyInstance } from 'fastify';
import {
  BYTES_PER_SECOND_MAX,
  capFault,
  HTTP_BYTES_PER_SECOND_LEAST,
  WINDOW_MAX_BYTES,
  windowFault,
} from '../../config/page-limits.ts';
import type { Word } from '../../core/handoff/doubt.ts';
import { PAUSE_MAX_MS } from '../../core/registers/read.ts';
import { ShoalError } from '../../errors.ts';
import type { PageWishes } from '../pages/types.ts';
import { isForwardable } from '../people/forward.ts';
import { whoIs } from '../people/person.ts';
import { ADMIN_CHANGES, ADMIN_READS, emptyIsNothing } from './admin.ts';
import type { AnswerName } from './answers.ts';
import type { HttpDeps } from './app.ts';
import { DRY, queryOf } from './queries.ts';
import { personOf } from './requests.ts';
import { NAME, object, oneOf, paramsOf, text } from './schema.ts';

const NOTHING = object({});
const MIGRATE = object(
  {
    node: NAME,
    engine: oneOf('postcopy', 'warm', 'precopy', 'qemu-postcopy'),
    order: oneOf('sequential', 'windows', 'hot'),
    compression: oneOf('auto', 'off', 'on'),
    bulkBytesPerSecond: {
      type: 'integer',
      minimum: 0,
      maximum: BYTES_PER_SECOND_MAX,
      description:
        'Cap of pages that nobody waits for, bytes a second. 0: none. Else 8192 at least; 104857600 is 100 MiB/s.',
    },
    bulkWindowBytes: {
      type: 'integer',
      minimum: 0,
      maximum: WINDOW_MAX_BYTES,
      description: 'Most of them in flight. 0: it adapts. Else whole pages of 4096; less than 65536 is slow.',
    },
    earlyRelease: oneOf('off', 'on'),
  },
  ['node', 'engine', 'order', 'compression', 'bulkBytesPerSecond', 'bulkWindowBytes', 'earlyRelease'],
);
const PAUSE = object({ ttlMs: { type: 'integer', minimum: 1, maximum: PAUSE_MAX_MS } });

const REGISTER = object({
  key: text(3, REGISTER_KEY_BYTES_MAX),
  value: text(0, REGISTER_VALUE_BYTES_MAX),
  counter: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
  author: text(20, 64),
  signature: text(128, 128),
});

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
  'SHOAL_PEER_UNREACHABLE',
  'SHOAL_PEER_BUSY',
  'SHOAL_FORWARD_LOST',
  'SHOAL_FORWARD_REFUSED',
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
      'SHOAL_SLEEP_BUSY',
      'SHOAL_VMM_START',
      'SHOAL_VMM_SILENT',
    ],
  },
  '/v1/vms/:name/actions/start': {
    ...done,
    what: 'Starts a stopped or crashed VM again.',
    refusals: [...OF_VM, 'SHOAL_VM_RUNS', 'SHOAL_VM_SPEC', 'SHOAL_VMM_START', 'SHOAL_SLEEP_BUSY'],
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
    what: 'Moves it and pins it there: `{node?, engine?, order?, compression?, bulkBytesPerSecond?, bulkWindowBytes?, earlyRelease?}`, as configured where it does not say. 202: `{handoff, source, node, pinnedMs}`; where another node was asked, the source or `node` knows the handoff.',
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
  '/v1/vms/:name/actions/resolve': {
    what: "Ends a handoff that does not end by itself, by an operator's `{word}`. 200: `{handoff, word}`.",
    body: object({ word: oneOf('peer-is-off', 'from-disk') }),
    code: 200,
    answer: 'Resolved',
    refusals: ['SHOAL_VM_SETTLED', 'SHOAL_RESOLVE_REFUSED', 'SHOAL_RESOLVE_UNWRITTEN'],
  },
  '/v1/vms/:name/actions/unpin': { ...done, what: 'Lets the rule move it again.', refusals: OF_VM },
  '/v1/node/actions/cordon': { ...done, what: 'This node takes no more VMs.' },
  '/v1/node/actions/uncordon': { ...done, what: 'It takes VMs again.' },
  '/v1/node/actions/mode': {
    ...done,
    what: "Sets this node's `{mode}`, over its configuration's.",
    body: object({ mode: oneOf('observe', 'advise', 'auto') }),
  },
  '/v1/node/actions/sleep': {
    ...done,
    what: 'Asks every member for leave, then suspends this node: `{test?}`. A farewell that is refused is in the log and in `power` of the status.',
    body: object({ test: { type: 'boolean' } }, ['test']),
    refusals: ['SHOAL_SLEEP_DRIVER', 'SHOAL_SLEEP_BUSY'],
  },
  '/v1/nodes/:name/actions/wake': {
    ...done,
    what: 'Calls a node that sleeps, by the ways that the asked node knows. It is awake when the status says so.',
    refusals: ['SHOAL_NODE_UNKNOWN', 'SHOAL_WAKE_AWAKE', 'SHOAL_WAKE_BUSY'],
  },
  '/v1/registers': {
    ...done,
    what: "Takes a register that was signed with an operator's key, and tells all nodes.",
    body: REGISTER,
    refusals: ['SHOAL_REGISTER_DENIED', 'SHOAL_REGISTER_FORGED', 'SHOAL_REGISTER_OLD', 'SHOAL_REGISTER_FULL'],
  },
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

export function addChanges(app: FastifyInstance, { api, people, forward }: HttpDeps): void {
  const config = { needs: 'operate' } as const;
  const action = (
    path: keyof typeof CHANGES,
    act: (name: string, dry: boolean, body: unknown, by: string) => Promise<unknown>,
  ) => {
    const { body: schema, code }: Change = CHANGES[path];
    const what = path.split('/').at(-1) as string;
    app.post<Named>(
      path,
      { config, preValidation: emptyIsNothing, schema: { body: schema, ...paramsOf(path) } },
      async (request, reply) => {
        const { params, body, query } = request;
        const { dryRun } = queryOf(DRY, query);
        const person = personOf(request);
        const wish = { what, subject: params.name ?? (body as { key?: string }).key ?? '' };
        const there =
          forward && isForwardable(what) ? forward.route(person, what, params.name, dryRun, body) : undefined;
        const carry = there?.ask ?? (() => act(params.name, dryRun, body, whoIs(person)));
        const answer = await people.carryOut(person, { ...wish, ...there?.to }, dryRun, carry);
        return answer === undefined ? reply.code(204).send() : reply.code(dryRun ? 200 : code).send(answer);
      },
    );
  };
  app.post('/v1/vms', { config }, async (request, reply) => {
    const { body, query, url } = request;
    const { dryRun } = queryOf(DRY, query);
    if (body === undefined || body === null) {
      throw new ShoalError(
        'SHOAL_HTTP_BODY',
        'the body is empty',
        url,
        'Send the spec of the VM, YAML or JSON',
      );
    }
    const { name } = body as { name?: unknown };
    const wish = { what: 'run', subject: typeof name === 'string' ? name : '' };
    const answer = await people.carryOut(personOf(request), wish, dryRun, () => api.run(body, dryRun));
    return reply.code(dryRun ? 200 : CHANGES['/v1/vms'].code).send(answer);
  });
  action('/v1/vms/:name/actions/start', (name, dry) => api.start(name, dry));
  action('/v1/vms/:name/actions/stop', (name, dry) => api.stop(name, dry));
  action('/v1/vms/:name/actions/destroy', (name, dry) => api.destroy(name, dry));
  action('/v1/vms/:name/actions/migrate', (name, dry, body) => {
    const { node, engine, ...wishes } = body as { node?: string; engine?: Engine } & PageWishes;
    mustBeWithinLimits(wishes);
    return api.migrate(name, node, engine, dry, wishes);
  });
  action('/v1/vms/:name/actions/cancel', (name, dry) => api.cancel(name, dry));
  action('/v1/vms/:name/actions/resolve', (name, dry, body, by) =>
    api.resolve(name, (body as { word: Word }).word, by, dry),
  );
  action('/v1/vms/:name/actions/unpin', (name, dry) => api.unpin(name, dry));
  action('/v1/node/actions/cordon', (_, dry) => api.cordon(true, dry));
  action('/v1/node/actions/uncordon', (_, dry) => api.cordon(false, dry));
  action('/v1/node/actions/mode', (_, dry, body) => api.mode((body as { mode: Mode }).mode, dry));
  action('/v1/node/actions/sleep', (_, dry, body) =>
    api.sleep((body as { test?: boolean }).test ?? false, dry),
  );
  action('/v1/nodes/:name/actions/wake', (name, dry) => api.wake(name, dry));
  action('/v1/registers', (_, dry, body) => api.submit(body as Register, dry));
  action('/v1/mesh/actions/pause', (_, dry, body) => api.pause((body as { ttlMs: number }).ttlMs, dry));
  action('/v1/mesh/actions/resume', (_, dry) => api.resume(dry));
}

/** Throws SHOAL_HTTP_REQUEST. Not by the schema: what is written in a wrong unit needs more words than a schema has. */
function mustBeWithinLimits({ bulkBytesPerSecond = 0, bulkWindowBytes = 0 }: PageWishes): void {
  const faults = {
    bulkBytesPerSecond: capFault(bulkBytesPerSecond, HTTP_BYTES_PER_SECOND_LEAST),
    bulkWindowBytes: windowFault(bulkWindowBytes),
  };
  for (const [field, fault] of Object.entries(faults))
    if (fault) throw new ShoalError('SHOAL_HTTP_REQUEST', fault.what, `body.${field}`, fault.todo);
}

/** On the unix socket alone: what it names is of use on this machine only. */
export function addConsole(app: FastifyInstance, { api }: HttpDeps): void {
  app.get<Named>(CONSOLE, { schema: paramsOf(CONSOLE) }, async ({ params, query }) => {
    queryOf({}, query);
    return { path: api.consolePath(params.name) };
  });
}

/** The same paths where they are not offered. Before the body is read: nobody who may not change anything gets us to parse. */
function refuse(
  app: FastifyInstance,
  method: 'GET' | 'POST',
  path: string,
  what: string,
  todo: string,
): void {
  const onRequest = async ({ url }: { url: string }): Promise<never> => {
    throw new ShoalError('SHOAL_HTTP_NEEDS_SOCKET', what, url, todo);
  };
  app.route({ method, url: path, onRequest, handler: () => undefined });
}

export function refuseChanges(app: FastifyInstance): void {
  const what = 'changes, tokens and the audit log are not offered over plain HTTP';
  const todo = 'Use the unix socket of this node, or HTTPS with a token (docs/reference/http.md)';
  for (const path of [...Object.keys(CHANGES), ...Object.keys(ADMIN_CHANGES)])
    refuse(app, 'POST', path, what, todo);
  for (const path of Object.keys(ADMIN_READS)) refuse(app, 'GET', path, what, todo);
}

export function refuseConsole(app: FastifyInstance): void {
  const what = "a console is offered on the unix socket alone: it is one of the node's own sockets";
  refuse(app, 'GET', CONSOLE, what, 'Run `shoal console` on that node');
}
