/** The report as one page without anything from elsewhere. Pure. */
import type { Section } from './sections.ts';

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;color:#1b2a41;max-width:76rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0;font-variant-numeric:tabular-nums}
th,td{border-bottom:1px solid #d9dee5;padding:.25rem .8rem;text-align:left;white-space:nowrap}
td:first-child,th:first-child{font-weight:600}
dt{font-weight:600;margin-top:.4rem}dd{margin:0 0 0 1.2rem}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(24rem,1fr));gap:.5rem}
.charts svg{width:100%;height:auto;border:1px solid #d9dee5}
.wide{overflow-x:auto}`;

export function htmlReport(sections: readonly Section[]): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Shoal: the paper's evaluation</title><style>${STYLE}</style></head><body>
<h1>The paper's evaluation, measured again</h1>
<p>${escaped(LEAD)}</p>
${sections.map(part).join('\n')}
</body></html>
`;
}

/** What holds for all of it. */
export const LEAD =
  'Hirofuchi, Nakada, Itoh and Sekiguchi, “Dynamic Virtual Machine Packing Mechanism with Instantaneous Live Migration” (2010). Two nodes of one core each, 1 Gbit/s between them, virtual machines emulated by QEMU; page servers, agents and VMs of a node share its core. Medians (least to most) of the repetitions; [in brackets] what the paper has. Charts are of the repetition that is nearest to the median.';

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
  const [head = [], ...lines] = table;
  const facts = Object.entries(machine).map(([name, value]) => `${name} ${value}`);
  return `<h2>${escaped(title)}</h2>
<p>Section ${escaped(section)} of the paper. Commit ${escaped(commits.join(', '))}; ${escaped(facts.join(', '))}.</p>
<div class="wide"><table><tr>${head.map(cell => `<th>${escaped(cell)}</th>`).join('')}</tr>
${lines.map(line => `<tr>${line.map(cell => `<td>${escaped(cell)}</td>`).join('')}</tr>`).join('\n')}
</table></div>
<dl>${meanings.map(([name, unit, meaning]) => `<dt>${escaped(name)}${unit ? ` (${escaped(unit)})` : ''}</dt><dd>${escaped(meaning)}</dd>`).join('\n')}</dl>
<h3>Claims</h3>
<div class="wide"><table><tr><th>claim</th><th>found, with 95 % bounds</th><th>verdict</th></tr>
${claims.map(line => `<tr>${line.map(cell => `<td>${escaped(cell)}</td>`).join('')}</tr>`).join('\n')}
</table></div>
<h3>Where it differs from the paper</h3>
<ul>${remarks.map(remark => `<li>${escaped(remark)}</li>`).join('\n')}</ul>
${charts.map(group => `<h3>${escaped(group.arm)}, repetition ${group.repetition}</h3><div class="charts">${group.charts.map(chart => chart.svg).join('\n')}</div>`).join('\n')}
<h3>Discarded</h3>
${discarded.length === 0 ? '<p>No run.</p>' : `<ul>${discarded.map(line => `<li>${escaped(line)}</li>`).join('')}</ul>`}`;
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
