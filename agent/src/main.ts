#!/usr/bin/env node
/** `shoald`: arguments to config to agent. The only place that ends the process. */
import './edge/node20.ts';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { startAgent } from './agent.ts';
import { loadConfig } from './config/config.ts';
import { loadOrCreateIdentity } from './edge/mesh/identity.ts';
import { ShoalError } from './errors.ts';
import { VERSION } from './version.ts';

const USAGE = `shoald: the Shoal agent

usage: shoald [--config FILE] [--init | --print-config | --version | --help]

  --config FILE    default /etc/shoal/shoal.yaml
  --init           make this node's identity if there is none, print {"peerId": …}, end
  --print-config   print the configuration with all defaults, end

SIGHUP: members and operators are read again (mesh.peers, mesh.operators)
exit codes: 0 ended in order, 1 failed while running, 2 bad arguments or configuration, 75 this machine slept: start it again
`;

/** EX_TEMPFAIL of sysexits.h: the service starts it again (deploy/systemd). */
const SLEPT = 75;
/** Connections of before are dead, and closing them politely may take its time. */
const SLEPT_STOP_MS = 2000;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      config: { type: 'string', default: '/etc/shoal/shoal.yaml' },
      init: { type: 'boolean', default: false },
      'print-config': { type: 'boolean', default: false },
      version: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return print(USAGE);
  if (values.version) return print(`${VERSION}\n`);
  const config = await loadConfig(values.config);
  if (values['print-config']) return print(stringify(config));
  if (values.init) {
    const { peerId } = await loadOrCreateIdentity(config.node.stateDir);
    return print(`${JSON.stringify({ peerId })}\n`);
  }
  const signalled = new Promise<'signal'>(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve('signal'));
  });
  const agent = await startAgent(config);
  // A fault in the file is told, and what was read before holds: nobody shall lose a node by a typing error.
  process.on('SIGHUP', () => {
    loadConfig(values.config)
      .then(again => agent.reconfigure(again))
      .catch(error => process.stderr.write(`shoald: not read again: ${lineOf(error)}\n`));
  });
  // A machine that slept gets a new process, from whoever started this one: nothing that it believed is of now.
  if ((await Promise.race([signalled, agent.over])) !== 'signal') {
    await Promise.race([agent.stop(), new Promise(resolve => setTimeout(resolve, SLEPT_STOP_MS))]);
    return SLEPT;
  }
  await agent.stop();
  return 0;
}

const lineOf = (error: unknown): string => (error instanceof ShoalError ? error.line() : String(error));

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  const usage = (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  const inside = usage ? `${(error as Error).message}. See --help` : String((error as Error)?.stack ?? error);
  process.stderr.write(`shoald: ${error instanceof ShoalError ? error.line() : inside}\n`);
  process.exitCode = usage || (error instanceof ShoalError && error.code.startsWith('SHOAL_CONFIG')) ? 2 : 1;
}
process.exit();
