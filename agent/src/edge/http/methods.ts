/** Which methods a path takes (RFC 9110, 15.5.6: a 405 names them). */
import type { FastifyInstance } from 'fastify';

/** To be called before the first route is added. Answers the methods of a path, none = there is no such path. */
export function watchRoutes(app: FastifyInstance): (path: string) => string[] {
  const routes: { parts: string[]; methods: string[] }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    routes.push({ parts: url.split('/'), methods: [method].flat() });
  });
  return path => {
    const parts = path.split('/');
    const fits = routes.filter(
      r =>
        r.parts.length === parts.length &&
        r.parts.every((p, i) => p === parts[i] || (p.startsWith(':') && parts[i])),
    );
    return [...new Set(fits.flatMap(r => r.methods))].sort();
  };
}
