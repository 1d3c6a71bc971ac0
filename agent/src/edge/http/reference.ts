/** Prints `docs/reference/http.md`: `node --conditions=source --import tsx agent/src/edge/http/reference.ts > docs/reference/http.md`. */
import { pathToFileURL } from 'node:url';
import { CHANGES } from './changes.ts';
import { BODY_MAX_BYTES } from './problem.ts';
import { READS } from './reads.ts';

export function httpReference(): string {
  const reads = Object.entries(READS).map(([path, read]) => {
    const { what } = read;
    const query = 'query' in read ? Object.keys(read.query) : [];
    const parameters = query.length ? query.map(q => `\`${q}\``).join(', ') : '–';
    return `| \`GET ${path}\` | ${parameters} | ${what} |`;
  });
  const changes = Object.entries(CHANGES).map(([path, { what }]) => `| \`POST ${path}\` | ${what} |`);
  return `# HTTP

Any node answers for the whole cluster, as it sees it. \`http.listen\` serves reads to whoever reaches it; the unix socket
\`control.socket\` (mode 0660, \`control.group\`) serves the same reads, and changes. A change over TCP is refused with 403.

JSON out; JSON or YAML in (\`application/json\`, \`application/yaml\`), ${BODY_MAX_BYTES} bytes at most. Errors are
\`application/problem+json\` with the codes of \`docs/errors.md\`. All shapes are in
[openapi.json](openapi.json), which every node serves at \`/v1/openapi.json\`. Unknown parameters and fields are refused,
never ignored.

    curl http://node0:7421/v1/status
    curl --unix-socket /run/shoal/shoald.sock -X POST http://shoal/v1/vms/web1/actions/migrate \\
      -H 'content-type: application/json' -d '{"node":"node1"}'

## Reads

| path | parameters | answer |
| --- | --- | --- |
${reads.join('\n')}

\`limit\`: 1 to 500, 20 when not given. \`sinceMs\`: milliseconds since 1970 by the asked node's wall clock, ten minutes
ago when not given.

## Changes, on the unix socket

| path | what it does |
| --- | --- |
${changes.join('\n')}

Each takes \`?dryRun=true\`: then all is checked that can be checked here, nothing is done, and the answer is 200 with
\`{would}\`, one sentence.

Where nothing else is said the answer is 204 without a body. \`GET /v1/vms/:name/console\` answers \`{path}\`, the unix socket
of the serial console, there too. A VM is changed on the node that has it; another node answers 409 and says which.

This page is printed from \`reads.ts\` and \`changes.ts\` by \`agent/src/edge/http/reference.ts\`; a test holds them equal.
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.stdout.write(httpReference());
