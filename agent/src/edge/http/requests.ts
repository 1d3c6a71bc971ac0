/** Who stands behind a request: found out before anything of it is read, kept with it. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ShoalError } from '../../errors.ts';
import type { Gate } from '../people/gate.ts';
import type { Person } from '../people/person.ts';
import type { Role } from '../people/token.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Over HTTPS: the role that the route needs; `read` when not given. */
    needs?: Role;
  }
}

const people = new WeakMap<FastifyRequest, Person>();

/** Of a request that passed `askWho`. */
export function personOf(request: FastifyRequest): Person {
  const person = people.get(request);
  if (person) return person;
  throw new ShoalError('SHOAL_INTERNAL', 'a change without a person reached its route', request.url, '');
}

export function askWho(app: FastifyInstance, listener: 'socket' | 'https', gate: Gate): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const { authorization } = request.headers;
    const actor = request.headers['shoal-actor'];
    const asked = {
      authorization,
      address: request.ip,
      actor: typeof actor === 'string' ? actor : undefined,
    };
    const needs = request.routeOptions.config?.needs ?? 'read';
    people.set(request, listener === 'socket' ? gate.onSocket(asked) : gate.onHttps(asked, needs));
    done();
  });
}
