/** What each listener offers, and to whom. */
import type { ServerOptions } from 'node:https';
import type { FastifyInstance } from 'fastify';
import { addAdmin } from './admin.ts';
import { createApp, type HttpDeps } from './app.ts';
import { addChanges, addConsole, refuseChanges, refuseConsole } from './changes.ts';
import { addReads } from './reads.ts';
import { askWho } from './requests.ts';

/** Plain HTTP: reads, for whoever reaches it. */
export function openApp(deps: HttpDeps): FastifyInstance {
  const app = createApp('tcp', deps);
  addReads(app, deps);
  refuseChanges(app);
  refuseConsole(app);
  return app;
}

/** The unix socket: everything, for whoever may open it. */
export function socketApp(deps: HttpDeps): FastifyInstance {
  const app = createApp('socket', deps);
  askWho(app, 'socket', deps.people.gate);
  addReads(app, deps);
  addChanges(app, deps);
  addAdmin(app, deps);
  addConsole(app, deps);
  return app;
}

/** HTTPS: everything but the console, for whoever has a token whose role suffices. */
export function httpsApp(deps: HttpDeps, options: ServerOptions): FastifyInstance {
  const app = createApp('https', deps, options);
  askWho(app, 'https', deps.people.gate);
  addReads(app, deps);
  addChanges(app, deps);
  addAdmin(app, deps);
  refuseConsole(app);
  return app;
}
