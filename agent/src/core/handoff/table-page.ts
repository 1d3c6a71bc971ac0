/** The two tables as a page for people; `docs/handoff-table.md` is printed from here and held to it by a test. */
import type { Cell, Table } from './cells.ts';
import { COLUMNS } from './engines.ts';
import { QEMU_SOURCE } from './qemu-postcopy/source.ts';
import { QEMU_TARGET } from './qemu-postcopy/target.ts';
import { SOURCE } from './source.ts';
import { TARGET } from './target.ts';

const cell = (value: Cell<string, string>): string => {
  if (typeof value === 'string') return value === 'ignore' ? '·' : 'answer';
  return `**${value.to}**${value.do.length ? `: ${value.do.join(', ')}` : ''}`;
};

function page(table: Table<string, string, string>): string {
  const states = Object.entries(table);
  const sections = states.map(([state, row]) => {
    const decided = Object.entries(row).filter(([, value]) => value !== 'ignore');
    const ignored = Object.entries(row).filter(([, value]) => value === 'ignore');
    const lines = decided.map(([event, value]) => `| \`${event}\` | ${cell(value)} |`);
    const rest = ignored.map(([event]) => `\`${event}\``).join(' ');
    return [
      `### ${state}`,
      '',
      ...(lines.length ? ['| event | what follows |', '|---|---|', ...lines, ''] : []),
      ...(rest ? [`Without effect: ${rest}`, ''] : []),
    ].join('\n');
  });
  return sections.join('\n');
}

/** The cells in which another engine's table differs from that of the page server. */
function differences(table: Table<string, string, string>, base: Table<string, string, string>): string {
  const rows = Object.entries(table).flatMap(([state, row]) =>
    Object.entries(row)
      .filter(([event, value]) => JSON.stringify(value) !== JSON.stringify(base[state]?.[event] ?? 'ignore'))
      .map(([event, value]) => `| ${state} | \`${event}\` | ${cell(value)} |`),
  );
  return ['| state | event | what follows |', '|---|---|---|', ...rows].join('\n');
}

export const tablePage = (): string => `# The handoff tables

Printed from \`agent/src/core/handoff\` by \`npm run docs\`; what they must hold: [the design](design/handoff.md).
A bold word is the new state, behind it the effects in their order. *answer*: the peer is told where this side stands, nothing changes.

## Source

${page(SOURCE)}
## Target

${page(TARGET)}
## Pre-copy
Its tables differ from those above, which are the page server's, in these cells (· = without effect).

Source:

${differences(COLUMNS.precopy.source, SOURCE)}

Target:

${differences(COLUMNS.precopy.target, TARGET)}

## QEMU's own post-copy
Its states \`stopping\`, \`serving\`, \`ready-loaded\` and \`ready-run\` are not in the tables above; of those that are, and of
those four, the cells that differ from above. The source has no \`switching-done\` and \`switching-ready\`.

Source:

${differences(QEMU_SOURCE, SOURCE)}

Target:

${differences(QEMU_TARGET, TARGET)}
`;
