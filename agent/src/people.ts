/** Who may change this node, and the log of who did: its own tokens and audit log, on the node's database. */
import { join } from 'node:path';
import type { Config } from './config/config.ts';
import type { Clock } from './edge/clock.ts';
import type { HttpOptions } from './edge/http/servers.ts';
import type { Logger } from './edge/log.ts';
import { Audit } from './edge/people/audit.ts';
import { Gate } from './edge/people/gate.ts';
import { People } from './edge/people/people.ts';
import { sharedTokens } from './edge/people/shared-tokens.ts';
import { Tokens } from './edge/people/tokens.ts';
import type { Registers } from './edge/registers/registers.ts';
import type { Database } from './edge/store/store.ts';

export async function openPeople(
  db: Database,
  nodeName: string,
  {
    registers,
    log,
    clock,
    hasSlept,
  }: { registers: Registers; log: Logger; clock: Clock; hasSlept(): boolean },
): Promise<People> {
  const tokens = new Tokens(db, clock, sharedTokens(registers, clock));
  await tokens.open();
  const audit = new Audit(db, clock);
  await audit.open();
  return new People({ gate: new Gate(tokens, log, clock), tokens, audit, log, nodeName, hasSlept });
}

/** `pages`: the command `shoal-pages`, which makes the node's own certificate. */
export const httpOptions = ({ http, control, node }: Config, pages: string): HttpOptions => ({
  listen: http.listen,
  https: http.https,
  certificate: {
    dir: join(node.stateDir, 'https'),
    command: pages,
    certFile: http.certificate,
    keyFile: http.key,
  },
  socket: control.socket,
  group: control.group,
});
