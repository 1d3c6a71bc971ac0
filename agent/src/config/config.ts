/** The agent's configuration: one YAML file to a `Config` with every default filled in, or one error with every fault. */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { isMap } from 'yaml';
import { ShoalError } from '../errors.ts';
import { schemaFaults } from './check.ts';
import { ConfigError, type Fault, type PlacedFault } from './faults.ts';
import { plainValue } from './plain.ts';
import { relationFaults } from './relations.ts';
import type { Config } from './schema.ts';
import { readYaml } from './yaml.ts';

export { ConfigError } from './faults.ts';
export type { Config } from './schema.ts';

/** Rejects with a ShoalError: `SHOAL_CONFIG_FILE` (cannot be read) or a ConfigError (`SHOAL_CONFIG_YAML`, `SHOAL_CONFIG_INVALID`). */
export async function loadConfig(path: string): Promise<Config> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const why = WHY[cause.code ?? ''] ?? cause.message;
    const todo = 'Write it (docs/reference/config.md has every key), or name another with --config';
    throw new ShoalError('SHOAL_CONFIG_FILE', `the configuration ${why}`, path, todo, { cause });
  });
  return parseConfig(text, path);
}

const WHY: Record<string, string> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
  EISDIR: 'is a directory',
};

/** `file` is for messages only. An empty file is a configuration of nothing but defaults. */
export function parseConfig(text: string, file: string): Config {
  const { doc, faults: unread, lineAt } = readYaml(text);
  if (unread.length > 0) {
    const faults = unread.map(({ what, line }) => {
      return { file, line, path: '', what: `it is not YAML: ${what}`, todo: '' };
    });
    throw new ConfigError('SHOAL_CONFIG_YAML', file, faults);
  }
  const lineOf = (path: string): number => {
    const keys = path.split('.').map(key => (/^\d+$/.test(key) ? Number(key) : key));
    for (; keys.length > 0; keys.pop()) {
      const holder = doc.getIn(keys.slice(0, -1), true) ?? doc.contents;
      const pair = isMap(holder) ? holder.items.find(p => String(p.key) === String(keys.at(-1))) : undefined;
      const at = (pair?.key ?? doc.getIn(keys, true)) as { range?: [number, number, number] } | undefined;
      if (at?.range) return lineAt(at.range[0]);
    }
    return 0;
  };
  const place = (fault: Fault): PlacedFault => ({
    ...fault,
    file,
    line: fault.path ? lineOf(fault.path) : 0,
  });
  let value: unknown;
  try {
    value = plainValue(doc);
  } catch (cause) {
    const what = `it is not read: ${(cause as Error).message}`;
    throw new ConfigError('SHOAL_CONFIG_YAML', file, [
      { file, line: 0, path: '', what, todo: 'Write it out' },
    ]);
  }
  const { config, faults } = check(value ?? {});
  if (faults.length > 0) throw new ConfigError('SHOAL_CONFIG_INVALID', file, faults.map(place));
  return config;
}

function check(value: unknown): { config: Config; faults: Fault[] } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const what = 'the file must hold keys and values';
    return { config: {} as Config, faults: [{ path: '', what, todo: 'Begin with `node:`' }] };
  }
  // A section that is named but empty (`http:`) is a section of defaults.
  for (const [key, part] of Object.entries(value)) if (part === null) Reflect.deleteProperty(value, key);
  const faults = schemaFaults(value as Record<string, unknown>);
  const config = value as Config;
  const sound = faults.length === 0 ? config : withoutFaulty(config, faults);
  faults.push(
    ...relationFaults(
      sound,
      faults.map(f => f.path),
    ),
  );
  if (faults.length === 0 && config.node.name === '') config.node.name = hostname();
  return { config, faults };
}

/** The same configuration with defaults where a fault is, so that the rest can still be judged. */
function withoutFaulty(config: Config, faults: Fault[]): Config {
  const copy = structuredClone(config) as unknown as Record<string, unknown>;
  for (const { path } of faults) {
    const [section, key] = path.split('.') as [string, string?];
    const part = copy[section];
    if (key !== undefined && typeof part === 'object' && part !== null) Reflect.deleteProperty(part, key);
    else Reflect.deleteProperty(copy, section);
  }
  schemaFaults(copy);
  return copy as unknown as Config;
}
