/** The configuration and the agent behind it. */
import { type Config, ConfigError, loadConfig, parseConfig } from '../../config/config.ts';
import { ShoalError } from '../../errors.ts';
import type { ClusterStatus } from '../http/api.types.ts';
import { type Check, fail, ok, warn } from './check.ts';

/** With a faulty or no file the other checks go on with the defaults. */
export type Loaded = { config: Config; checks: Check[] };

/** `path` undefined = the usual place, where no file is no fault on a machine that is being set up. */
export async function loadForDoctor(path: string | undefined, usual: string): Promise<Loaded> {
  const name = 'configuration';
  const file = path ?? usual;
  try {
    return { config: await loadConfig(file), checks: [ok(name, file)] };
  } catch (error) {
    if (!(error instanceof ShoalError)) throw error;
    return { config: parseConfig('', 'defaults'), checks: faults(name, error, path === undefined) };
  }
}

function faults(name: string, error: ShoalError, usualPlace: boolean): Check[] {
  if (error instanceof ConfigError) {
    return error.faults.map(({ file, line, path, what, todo }) =>
      fail(
        name,
        `${file}${line > 0 ? `:${line}` : ''}: ${path ? `${path}: ` : ''}${what}`,
        todo || 'Mend that line',
      ),
    );
  }
  const missing = (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
  const found = `${error.message} (${error.where})`;
  if (missing && usualPlace) return [warn(name, `${found}; defaults are taken`, error.todo)];
  return [fail(name, found, error.todo)];
}

/** What the agent said when it was asked; `error` = why it did not. */
export type AgentAnswer = { status: ClusterStatus | undefined; error: string };

/** The checks above work without an agent, so its absence is a warning. */
export function agentChecks({ status, error }: AgentAnswer): Check[] {
  if (!status) return [warn('agent', error, 'Start it: systemctl start shoald')];
  const { node, version, mode, nodes, warnings } = status;
  const silent = nodes.filter(n => n.state !== 'awake').length;
  const told = `${node}, version ${version}, mode ${mode}, ${nodes.length - silent} of ${nodes.length} nodes awake`;
  // Silence of a peer has a row of its own.
  const others = warnings.filter(w => !/silent for|nothing was ever heard/.test(w));
  return [ok('agent', told), ...others.map(w => warn('cluster', w, 'See `shoal status` on the nodes named'))];
}
