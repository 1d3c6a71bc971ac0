/** Prints `docs/errors.md` from the table: `node --import tsx agent/src/error-reference.ts > docs/errors.md`. */
import { pathToFileURL } from 'node:url';
import { ERROR_CODES } from './error-codes.ts';

export function errorReference(): string {
  const rows = Object.entries(ERROR_CODES).map(
    ([code, { status, meaning, todo }]) => `| \`${code}\` | ${status} | ${meaning} | ${todo} |`,
  );
  return `# Errors

Every error has a stable code, one sentence that says what is wrong, where, and what to do. The command line prints
\`what (where). what to do\`; HTTP answers \`application/problem+json\` (RFC 9457) with the members \`type, title, status,
detail, code, where, todo\`. Sentences may change, codes do not. Exit codes of \`shoal\`: \`docs/reference/cli.md\`.

This page is printed from \`agent/src/error-codes.ts\`; a test holds both to the sources.

| code | HTTP | meaning | what to do |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.stdout.write(errorReference());
