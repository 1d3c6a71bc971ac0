/** Prints `docs/metrics.md` from the table: `node --conditions=source --import tsx agent/src/edge/metrics-reference.ts > docs/metrics.md`. */
import { pathToFileURL } from 'node:url';
import { METRICS } from './metrics-table.ts';
import { FAULT_BOUNDS_US } from './pages/types.ts';

export function metricsReference(): string {
  const rows = Object.entries(METRICS).map(([name, { kind, help, labels }]) => {
    const shown = labels.length ? labels.map(l => `\`${l}\``).join(', ') : '–';
    return `| \`${name}\` | ${kind === 'tally' ? 'histogram' : kind} | ${shown} | ${help} |`;
  });
  return `# Metrics

\`GET /metrics\` on any node, text exposition format. Each node tells of itself alone: scrape them all. Base units
(seconds, bytes, ratios from 0 to 1), \`_total\` for counters.

Labels take few values. \`vm\` is the name of a VM that is on this node now: tens of series a node, which end when the VM
leaves. Peers, handoffs and UUIDs are never labels; \`/v1/handoffs\` has every handoff by itself.

\`shoal_fault_seconds\` has the buckets in which page servers sort waits, and \`faults.buckets\` of \`/v1/handoffs\` too (there
each by itself, not up to its bound). Upper bounds in microseconds: ${FAULT_BOUNDS_US.join(', ')}, and one above all.

This page is printed from \`agent/src/edge/metrics-table.ts\`; a test holds them equal.

| metric | kind | labels | meaning |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.stdout.write(metricsReference());
