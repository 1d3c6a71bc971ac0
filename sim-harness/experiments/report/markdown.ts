/** The same as Markdown, its charts in files beside it. Pure. */
import { LEAD } from './html.ts';
import type { Section } from './sections.ts';

export const markdownReport = (sections: readonly Section[]): string =>
  `# The paper's evaluation, measured again\n\n${LEAD}\n${sections.map(part).join('')}`;

function part({
  title,
  section,
  table,
  meanings,
  claims,
  remarks,
  charts,
  discarded,
  commits,
  machine,
}: Section): string {
  const facts = Object.entries(machine).map(([name, value]) => `${name} ${value}`);
  const [head = [], ...lines] = table;
  return [
    '',
    `## ${title}`,
    `Section ${section} of the paper. Commit ${commits.join(', ')}; ${facts.join(', ')}.`,
    '',
    ...[head, head.map(() => '---'), ...lines].map(line => `| ${line.join(' | ')} |`),
    '',
    ...meanings.map(([name, unit, meaning]) => `- **${name}**${unit ? ` (${unit})` : ''}: ${meaning}`),
    '',
    '| claim | found, with 95 % bounds | verdict |',
    '| --- | --- | --- |',
    ...claims.map(line => `| ${line.join(' | ')} |`),
    '',
    '### Where it differs from the paper',
    ...remarks.map(remark => `- ${remark}`),
    '',
    ...charts.flatMap(group => [
      `### ${group.arm}, repetition ${group.repetition}`,
      ...group.charts.map(chart => `![${chart.title}](figures/${chart.file})`),
      '',
    ]),
    '### Discarded',
    ...(discarded.length === 0 ? ['No run.'] : discarded.map(line => `- ${line}`)),
    '',
  ].join('\n');
}
