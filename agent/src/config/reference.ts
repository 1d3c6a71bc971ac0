/** Prints `docs/reference/config.md` from the schema: `node --import tsx agent/src/config/reference.ts > docs/reference/config.md`. */
import { pathToFileURL } from 'node:url';
import { SCHEMA } from './schema.ts';

type Part = {
  type?: string;
  description: string;
  default?: unknown;
  unit?: string;
  minimum?: number;
  maximum?: number;
  enum?: readonly string[];
  form?: string;
  items?: Part;
  properties?: Record<string, Part>;
};

export function reference(): string {
  const properties = SCHEMA.properties as unknown as Record<string, Part>;
  const isGroup = ([, part]: [string, Part]) => part.properties !== undefined;
  const entries = Object.entries(properties);
  const groups = entries.filter(isGroup).map(([name, part]) => group(name, part));
  const single = rows(
    '',
    Object.fromEntries(entries.filter(entry => !isGroup(entry))) as Record<string, Part>,
  );
  return `# Configuration

One YAML file, \`/etc/shoal/shoal.yaml\` (\`shoald --config FILE\` takes another). Every key has a default, so an empty
file is a node without peers. A key that is not here is refused, with the nearest one that is; all faults are
told at once, with file and line. \`shoald --print-config\` prints what is in force.

This page is printed from the schema by \`agent/src/config/reference.ts\`; a test holds them equal.

## Keys outside any group
${table(single)}
${groups.join('\n')}`;
}

function group(name: string, part: Part): string {
  return `## ${name}\n\n${part.description}\n${table(rows(`${name}.`, part.properties ?? {}))}`;
}

function rows(prefix: string, properties: Record<string, Part>): string[] {
  return Object.entries(properties).flatMap(([key, part]) => {
    if (part.properties) return rows(`${prefix}${key}.`, part.properties);
    const own = `| \`${prefix}${key}\` | ${fallback(part)} | ${allowed(part)} | ${part.description} |`;
    return [own, ...(part.items?.properties ? rows(`${prefix}${key}[].`, part.items.properties) : [])];
  });
}

const table = (lines: string[]): string =>
  `\n| key | default | allowed | meaning |\n| --- | --- | --- | --- |\n${lines.join('\n')}\n`;

function fallback(part: Part): string {
  if (part.default === undefined) return 'none: must be given';
  const unit = part.unit && part.unit !== 'id' ? ` ${part.unit}` : '';
  const shown = typeof part.default === 'string' ? part.default || '""' : JSON.stringify(part.default);
  return `\`${shown}\`${unit}`;
}

function allowed(part: Part): string {
  if (part.enum) return part.enum.map(value => `\`${value}\``).join(', ');
  if (part.minimum !== undefined) return `${part.minimum} to ${part.maximum}`;
  if (part.type === 'array')
    return `list of: ${part.items?.properties ? 'groups' : allowed(part.items as Part)}`;
  return part.form ?? 'text';
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.stdout.write(reference());
