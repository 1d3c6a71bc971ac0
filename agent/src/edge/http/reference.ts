/** Prints `docs/reference/http.md`: `node --conditions=source --import tsx agent/src/edge/http/reference.ts > docs/reference/http.md`. */
import { pathToFileURL } from 'node:url';
import { ADMIN_CHANGES, ADMIN_READS } from './admin.ts';
import { HandoffStatus } from './answers-handoff.ts';
import { CHANGES } from './changes.ts';
import { BODY_MAX_BYTES } from './problem.ts';
import { READS } from './reads.ts';

type Shape = {
  type?: string;
  description?: string;
  enum?: readonly string[];
  items?: Shape;
  properties?: Record<string, Shape>;
};

/** A row for each field, those of fields among them. */
function fields({ properties, items }: Shape, prefix = ''): string[] {
  if (items) return fields(items, `${prefix}[]`);
  return Object.entries(properties ?? {}).flatMap(([name, field]) => {
    const path = prefix ? `${prefix}.${name}` : name;
    const choices = field.enum?.filter(value => value !== '').map(value => `\`${value}\``);
    const meaning = [field.description, choices && `One of ${choices.join(', ')}.`].filter(Boolean).join(' ');
    return [`| \`${path}\` | ${meaning} |`, ...fields(field, path)];
  });
}

export function httpReference(): string {
  const reads = Object.entries(READS).map(([path, read]) => {
    const { what } = read;
    const query = 'query' in read ? Object.keys(read.query) : [];
    const parameters = query.length ? query.map(q => `\`${q}\``).join(', ') : '–';
    return `| \`GET ${path}\` | ${parameters} | ${what} |`;
  });
  const changes = Object.entries(CHANGES).map(([path, { what }]) => `| \`POST ${path}\` | ${what} |`);
  const admin = [
    ...Object.entries(ADMIN_READS).map(([path, { what }]) => `| \`GET ${path}\` | ${what} |`),
    ...Object.entries(ADMIN_CHANGES).map(([path, { what }]) => `| \`POST ${path}\` | ${what} |`),
  ];
  return `# HTTP

Any node answers for the whole cluster, as it sees it. \`http.listen\` serves reads to whoever reaches it, over plain HTTP,
and refuses changes with 403. The unix socket \`control.socket\` (mode 0660, \`control.group\`) serves the same reads, changes,
tokens and the audit log. \`http.https\` serves all that too, but the console, to whoever sends \`authorization: Bearer …\` with a
token whose role suffices: \`read\` for reads, \`operate\` for changes, \`admin\` for tokens and the audit log. Without one: 401, with
too low a role: 403. After ten wrong tokens from one address (IPv6: one /64) it is one in six seconds, after 60 changes with
one token one a second: 429 with \`retry-after\`.

JSON out; JSON or YAML in (\`application/json\`, \`application/yaml\`), ${BODY_MAX_BYTES} bytes at most. Errors are
\`application/problem+json\` with the codes of \`docs/errors.md\`. All shapes are in
[openapi.json](openapi.json), which every node serves at \`/v1/openapi.json\`. Unknown parameters and fields are refused,
never ignored.

    curl http://node0:7421/v1/status
    curl --unix-socket /run/shoal/shoald.sock -X POST http://shoal/v1/vms/web1/actions/migrate \\
      -H 'content-type: application/json' -d '{"node":"node1"}'
    curl https://node0:7422/v1/audit -H "authorization: Bearer $(cat token)"

The certificate is yours (\`http.certificate\`, \`http.key\`, read again when the files change) or the node's own, whose fingerprint
\`shoal status\` shows on that node and \`shoal --fingerprint\` pins.

## Reads

| path | parameters | answer |
| --- | --- | --- |
${reads.join('\n')}

\`limit\`: 1 to 500, 20 when not given. \`sinceMs\`: milliseconds since 1970 by the asked node's wall clock, ten minutes
ago when not given.

### A handoff

${HandoffStatus.description} Where a unit is, the meaning begins with it.

| field | meaning |
| --- | --- |
${fields(HandoffStatus).join('\n')}

## Changes: unix socket, or HTTPS with a token of the role \`operate\`

| path | what it does |
| --- | --- |
${changes.join('\n')}

Each takes \`?dryRun=true\`: then all is checked that can be checked here, nothing is done, and the answer is 200 with
\`{would}\`, one sentence.

Where nothing else is said the answer is 204 without a body. \`GET /v1/vms/:name/console\` answers \`{path}\`, the unix socket
of the serial console, on the unix socket alone. A VM is changed by the node that has it. Another node asks there for whoever
shows a token that both know (docs/decisions/0016-people.md), and answers 409, saying which, to whoever shows none.

## People: unix socket, or HTTPS with a token of the role \`admin\`

| path | what it does |
| --- | --- |
${admin.join('\n')}

This page is printed from \`reads.ts\` and \`changes.ts\` by \`agent/src/edge/http/reference.ts\`; a test holds them equal.
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.stdout.write(httpReference());
