/** Tokens and the audit log: on the unix socket, and over HTTPS for a token of the role `admin`. */
import type { FastifyInstance } from 'fastify';
import { ROLES, type Role } from '../people/token.ts';
import type { AnswerName } from './answers.ts';
import type { HttpDeps } from './app.ts';
import { LIMIT, type QueryKinds, queryOf } from './queries.ts';
import { personOf } from './requests.ts';
import { NAME, object, oneOf, paramsOf, text } from './schema.ts';

/** Ten years: who wants more takes 0, for ever. */
export const TOKEN_TTL_MS_MAX = 3650 * 86_400_000;

type AdminRead = { what: string; answer: AnswerName; query: QueryKinds };
type AdminChange = {
  what: string;
  body: object;
  code: 200 | 201;
  answer: AnswerName;
  refusals: readonly string[];
};

export const ADMIN_READS = {
  '/v1/tokens': {
    what: 'The tokens that this node knows, newest first; never their secrets.',
    answer: 'TokenList',
    query: {},
  },
  '/v1/audit': {
    what: 'Who changed what on this node or through it, newest first.',
    answer: 'AuditList',
    query: LIMIT,
  },
} as const satisfies Record<string, AdminRead>;

const NEW = object(
  {
    role: oneOf(...ROLES),
    name: { ...NAME, description: 'For people.' },
    ttlMs: { type: 'integer', minimum: 0, maximum: TOKEN_TTL_MS_MAX, description: '0: it does not expire.' },
  },
  ['name', 'ttlMs'],
);

export const ADMIN_CHANGES = {
  '/v1/tokens': {
    what: 'Makes a token; it is told this once. 201: `{token, id, record}`.',
    body: NEW,
    code: 201,
    answer: 'NewToken',
    refusals: ['SHOAL_TOKEN_MANY', 'SHOAL_AUDIT'],
  },
  '/v1/tokens/actions/add': {
    what: 'This node knows a token too that was made on another: `{record}` as that one told it. 201: `{id}`.',
    body: object({ record: text(1, 256) }),
    code: 201,
    answer: 'TokenId',
    refusals: ['SHOAL_TOKEN_RECORD', 'SHOAL_TOKEN_KNOWN', 'SHOAL_TOKEN_MANY', 'SHOAL_AUDIT'],
  },
  '/v1/tokens/:name/actions/revoke': {
    what: 'The token, by id or name, is worth nothing from now on, here and on every node that hears of it. 200: `{id}`.',
    body: object({}),
    code: 200,
    answer: 'TokenId',
    refusals: ['SHOAL_TOKEN_UNKNOWN', 'SHOAL_AUDIT'],
  },
} as const satisfies Record<string, AdminChange>;

export function addAdmin(app: FastifyInstance, { people }: HttpDeps): void {
  const { tokens, audit } = people;
  const config = { needs: 'admin' } as const;
  app.get('/v1/tokens', { config }, async ({ query }) => {
    queryOf({}, query);
    return tokens.list();
  });
  app.get('/v1/audit', { config }, async ({ query }) => audit.last(queryOf(LIMIT, query).limit));
  const change = (
    path: keyof typeof ADMIN_CHANGES,
    what: string,
    act: (body: unknown, name: string) => Promise<{ id: string }>,
  ) => {
    const { body: schema, code } = ADMIN_CHANGES[path];
    app.post<{ Params: { name: string } }>(
      path,
      { config, preValidation: emptyIsNothing, schema: { body: schema, ...paramsOf(path) } },
      async (request, reply) => {
        const { body, query, params } = request;
        queryOf({}, query);
        const subject = params.name ?? (body as { name?: string }).name ?? '';
        const wish = { what, subject, told: ({ id }: { id: string }) => `token ${id}` };
        const answer = await people.carryOut(personOf(request), wish, false, () => act(body, params.name));
        return reply.code(code).send(answer);
      },
    );
  };
  change('/v1/tokens', 'token-create', body => {
    const { role, name = '', ttlMs = 0 } = body as { role: Role; name?: string; ttlMs?: number };
    return tokens.create(role, name, ttlMs);
  });
  change('/v1/tokens/actions/add', 'token-add', body => tokens.add((body as { record: string }).record));
  change('/v1/tokens/:name/actions/revoke', 'token-revoke', (_, name) => tokens.revoke(name));
}

/** `curl -X POST` without a body asks for the same as `{}`; one that says `null` asks for what there is not. */
export const emptyIsNothing = (request: { body: unknown }, _reply: unknown, done: () => void): void => {
  if (request.body === undefined) request.body = {};
  done();
};
