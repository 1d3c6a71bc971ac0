/**
 * The HTTP API as an OpenAPI 3.1 document, made of the tables that the routes are made of: their paths, the schemas
 * that check their requests, the codes that they refuse with. https://spec.openapis.org/oas/v3.1.0
 */
import { ERROR_CODES, statusOf } from '../../error-codes.ts';
import { VERSION } from '../../version.ts';
import { SpecSchema } from '../vmm/spec.ts';
import { ADMIN_CHANGES, ADMIN_READS } from './admin.ts';
import { ANSWERS, type AnswerName, Problem } from './answers.ts';
import { CHANGES, CONSOLE } from './changes.ts';
import { DRY, type QueryKinds } from './queries.ts';
import { READS } from './reads.ts';
import { NAME } from './schema.ts';

type Responses = Record<string, object>;
type Operation = Record<string, unknown>;

/** Of any request, by the server itself. */
const OF_ALL = [
  'SHOAL_HTTP_REQUEST',
  'SHOAL_HTTP_UNAUTHORIZED',
  'SHOAL_HTTP_FORBIDDEN',
  'SHOAL_HTTP_RATE',
  'SHOAL_INTERNAL',
];
const OF_CHANGES = [
  ...OF_ALL,
  'SHOAL_HTTP_NEEDS_SOCKET',
  'SHOAL_HTTP_BODY',
  'SHOAL_HTTP_BODY_TOO_LARGE',
  'SHOAL_HTTP_MEDIA_TYPE',
  'SHOAL_AUDIT',
];

const SCHEMAS: Record<string, object> = { ...ANSWERS, VmSpec: SpecSchema };

export function openApi(): object {
  const paths: Record<string, Record<string, Operation>> = {};
  const add = (path: string, method: 'get' | 'post', operation: Operation): void => {
    const written = path.replaceAll(':name', '{name}');
    paths[written] = { ...paths[written], [method]: operation };
  };
  for (const [path, { what, answer, query, refusals = [] }] of Object.entries<Read>(READS)) {
    add(path, 'get', {
      operationId: idOf('get', path),
      summary: what,
      tags: ['reads'],
      parameters: parametersOf(path, query ?? {}),
      responses: {
        '200': path === '/metrics' ? metricsAnswer : ok(what, answer),
        ...(path === '/healthz' && { '503': ok('Something is wrong; what, in sentences.', answer) }),
        ...refused([...OF_ALL, ...refusals]),
      },
    });
  }
  add(CONSOLE, 'get', {
    operationId: idOf('get', CONSOLE),
    summary: "The unix socket of the VM's serial console. On the unix socket alone.",
    tags: ['changes'],
    parameters: parametersOf(CONSOLE, {}),
    responses: {
      '200': ok('Where it is.', 'Console'),
      ...refused([
        ...OF_ALL,
        'SHOAL_HTTP_NEEDS_SOCKET',
        'SHOAL_VM_UNKNOWN',
        'SHOAL_VM_ELSEWHERE',
        'SHOAL_VM_NOT_RUNNING',
      ]),
    },
  });
  for (const [path, { what, body, code, answer, refusals = [] }] of Object.entries<Change>(CHANGES)) {
    const schema = body === 'spec' ? SpecSchema : body;
    add(path, 'post', {
      operationId: idOf('post', path),
      summary: what,
      tags: ['changes'],
      parameters: parametersOf(path, DRY),
      requestBody: requestBody(schema),
      responses: {
        '200': code === 200 ? okOrWould(answer) : ok('With `dryRun`: what it would do.', 'Would'),
        ...(code !== 200 && { [code]: code === 204 ? { description: 'Done.' } : ok('Done.', answer) }),
        ...refused([...OF_CHANGES, ...refusals]),
      },
    });
  }
  for (const [path, { what, query, answer }] of Object.entries<Read>(ADMIN_READS)) {
    add(path, 'get', {
      operationId: idOf('get', path),
      summary: what,
      tags: ['people'],
      parameters: parametersOf(path, query ?? {}),
      responses: { '200': ok(what, answer), ...refused([...OF_ALL, 'SHOAL_HTTP_NEEDS_SOCKET']) },
    });
  }
  for (const [path, { what, body, code, answer, refusals = [] }] of Object.entries<AdminChange>(
    ADMIN_CHANGES,
  )) {
    add(path, 'post', {
      operationId: idOf('post', path),
      summary: what,
      tags: ['people'],
      parameters: parametersOf(path, {}),
      requestBody: requestBody(body),
      responses: { [code]: ok('Done.', answer), ...refused([...OF_CHANGES, ...refusals]) },
    });
  }
  const document = {
    openapi: '3.1.0',
    info: {
      title: 'Shoal',
      version: VERSION,
      description:
        'Any node answers for the whole cluster. Reads are for whoever reaches `http.listen`; changes need the unix socket, or HTTPS with a token.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    // On plain HTTP and the unix socket none is needed, over HTTPS one always is.
    security: [{}, { token: [] }],
    tags: [
      { name: 'reads', description: 'The same from every node.' },
      { name: 'changes', description: 'Of this node and its VMs. Role: operate.' },
      { name: 'people', description: 'Tokens and the audit log of this node. Role: admin.' },
    ],
    paths,
  };
  return {
    ...(named(document) as object),
    components: { schemas: componentSchemas(), securitySchemes: { token: TOKEN_SCHEME } },
  };
}

const TOKEN_SCHEME = { type: 'http', scheme: 'bearer', description: 'As `shoal token create` prints it.' };

type Read = { what: string; answer: AnswerName | ''; query?: QueryKinds; refusals?: readonly string[] };
type Change = Omit<Read, 'query'> & { body: 'spec' | object; code: number };
type AdminChange = Change & { body: object };

/** `post /v1/vms/:name/actions/stop` → `postVmsNameActionsStop` */
const idOf = (method: string, path: string): string =>
  method +
  path
    .replace('/v1/', '/')
    .split(/[^A-Za-z0-9]+/)
    .filter(Boolean)
    .map(part => part.charAt(0).toUpperCase() + part.slice(1))
    .join('');

const requestBody = (schema: object) => ({
  required: 'required' in schema,
  content: { 'application/json': { schema }, 'application/yaml': { schema } },
});

const metricsAnswer = {
  description: 'Prometheus text.',
  content: { 'text/plain': { schema: { type: 'string' } } },
};

const ok = (description: string, answer: AnswerName | '') => ({
  description,
  content: { 'application/json': { schema: answer ? ANSWERS[answer] : {} } },
});

const okOrWould = (answer: AnswerName | '') => ({
  description: 'Done; or, with `dryRun`, what it would do.',
  content: { 'application/json': { schema: { anyOf: [answer ? ANSWERS[answer] : {}, ANSWERS.Would] } } },
});

/** One answer a status, with every code that it may carry. */
function refused(codes: readonly string[]): Responses {
  const statuses = [...new Set(codes.map(statusOf))].sort();
  return Object.fromEntries(
    statuses.map(status => {
      const own = [...new Set(codes)].filter(code => statusOf(code) === status);
      const description = own.map(code => `\`${code}\`: ${ERROR_CODES[code]?.meaning}.`).join(' ');
      return [status, { description, content: { 'application/problem+json': { schema: Problem } } }];
    }),
  );
}

function parametersOf(path: string, query: QueryKinds): object[] {
  const inPath = path.includes(':name') ? [parameter('name', 'path', NAME, true)] : [];
  const inQuery = Object.entries(query).map(([name, kind]) =>
    parameter(name, 'query', kind, kind.required === true),
  );
  return [...inPath, ...inQuery];
}

function parameter(name: string, where: string, kind: object, required: boolean): object {
  const { description, required: _, ...schema } = kind as { description: string; required?: boolean };
  return { name, in: where, required, description, schema };
}

/** Schemas with a name are written once, and named where they are used. */
function named(value: unknown, except?: object): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const name = value === except ? undefined : Object.keys(SCHEMAS).find(n => SCHEMAS[n] === value);
  if (name) return { $ref: `#/components/schemas/${name}` };
  if (Array.isArray(value)) return value.map(part => named(part));
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, named(part)]));
}

const componentSchemas = (): object =>
  Object.fromEntries(Object.entries(SCHEMAS).map(([name, schema]) => [name, named(schema, schema)]));

/** As `docs/reference/openapi.json` has it. */
export const openApiText = (): string => `${JSON.stringify(openApi(), undefined, 1)}\n`;
