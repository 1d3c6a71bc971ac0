/** One Fastify server: limits, errors as problems, every answer counted. The routes come from `reads` and `changes`. */
import type { ServerOptions } from 'node:https';
import { Ajv } from 'ajv';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { ShoalError } from '../../errors.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Forward } from '../people/forward.ts';
import { TooMany } from '../people/gate.ts';
import type { People } from '../people/people.ts';
import type { AgentApi } from './api.types.ts';
import { acceptYaml } from './body.ts';
import { refuseMalformed } from './malformed.ts';
import { watchRoutes } from './methods.ts';
import { asShoalError, BODY_MAX_BYTES, PROBLEM_TYPE, problemOf } from './problem.ts';

export type HttpDeps = {
  api: AgentApi;
  metrics: Metrics;
  log: Logger;
  people: People;
  /** Without it a change of a VM that is elsewhere is refused. */
  forward?: Forward;
};

/** `tcp` offers reads, `socket` also changes, `https` both to whoever has a token. */
export type Listener = 'tcp' | 'socket' | 'https';

/**
 * One for all listeners: each schema is compiled once. Fastify's own would be one a listener, cut unknown fields off in
 * silence, and turn 1 into "1".
 */
const ajv = new Ajv({ strict: false });

/** A request that dribbles in must not hold a connection for ever; one that waits for an offer's answer may. */
const REQUEST_MS_MAX = 10_000;
/** Scrapers and a few people; more is a fault or an attack, and each costs memory. */
const CONNECTIONS_MAX = 128;

/** `https`: options of node:https. */
export function createApp(
  listener: Listener,
  { metrics, log }: HttpDeps,
  https?: ServerOptions,
): FastifyInstance {
  const refuse = (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const shown = asShoalError(error, request.url);
    if (shown.code === 'SHOAL_INTERNAL') {
      const stack = String((error as Error)?.stack ?? error);
      log.error({ method: request.method, url: request.url, error: stack }, 'request failed inside');
    }
    const problem = problemOf(shown);
    if (problem.status === 401) reply.header('www-authenticate', 'Bearer realm="shoal"');
    if (shown instanceof TooMany) reply.header('retry-after', String(shown.seconds));
    reply.code(problem.status).type(PROBLEM_TYPE).send(JSON.stringify(problem));
  };
  const app = fastify({
    logger: false,
    ...(https && { https }),
    bodyLimit: BODY_MAX_BYTES,
    requestTimeout: REQUEST_MS_MAX,
    forceCloseConnections: true,
    exposeHeadRoutes: true,
    // Paths that cannot be decoded, or are too long, never reach a route.
    frameworkErrors: refuse,
    clientErrorHandler: refuseMalformed,
  });
  app.server.maxConnections = CONNECTIONS_MAX;
  app.setValidatorCompiler(({ schema }) => ajv.compile(schema));
  const methodsOf = watchRoutes(app);
  acceptYaml(app);
  app.addHook('onResponse', (_request, reply, done) => {
    metrics.count('shoal_http_requests_total', { listener, status: String(reply.statusCode) });
    done();
  });
  app.setErrorHandler(refuse);
  const missing = (request: FastifyRequest, reply: FastifyReply): ShoalError => {
    const path = request.url.split('?')[0] as string;
    const methods = methodsOf(path);
    if (methods.length === 0)
      return new ShoalError(
        'SHOAL_HTTP_NOT_FOUND',
        `there is nothing at ${request.method} ${path}`,
        request.url,
        'See docs/reference/http.md for what there is',
      );
    reply.header('allow', methods.join(', '));
    const what = `${request.method} is not for this path`;
    return new ShoalError('SHOAL_HTTP_METHOD', what, request.url, `Use ${methods.join(' or ')}`);
  };
  // After it is known who asks, before a body is read: Fastify has rules of its own for bodies of methods such as QUERY.
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (request.is404) done(missing(request, reply));
    else done(null, payload);
  });
  return app;
}
