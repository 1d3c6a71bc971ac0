import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ERROR_CODES, statusOf } from './error-codes.ts';
import { errorReference } from './error-reference.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const table = join('agent', 'src', 'error-codes.ts');

/** Codes written out in the sources. Not among them: names of environment variables and prefixes of codes. */
function usedCodes(): Set<string> {
  const used = new Set<string>();
  for (const folder of ['protocol/src', 'policies/src', 'agent/src']) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      const path = join(folder, name);
      if (!name.endsWith('.ts') || name.endsWith('.test.ts') || path === table) continue;
      const text = readFileSync(join(root, path), 'utf8');
      for (const [, code] of text.matchAll(
        /(?<!env\[|startsWith\(|VARIABLE = )['`](SHOAL_[A-Z0-9_]*[A-Z0-9])['`]/g,
      ))
        used.add(code!);
    }
  }
  return used;
}

test('every code that is used is in the table', () => {
  assert.equal(
    [...usedCodes()].filter(code => !(code in ERROR_CODES)),
    [],
  );
});

test('every code in the table is used', () => {
  const used = usedCodes();
  assert.equal(
    Object.keys(ERROR_CODES).filter(code => !used.has(code)),
    [],
  );
});

test('docs/errors.md is what the table says', () => {
  assert.is(readFileSync(join(root, 'docs/errors.md'), 'utf8'), errorReference());
});

test('each status is one of HTTP, and an unknown code is our own fault', () => {
  for (const [code, { status }] of Object.entries(ERROR_CODES))
    assert.ok(status >= 400 && status < 600, code);
  assert.is(statusOf('SHOAL_VM_UNKNOWN'), 404);
  assert.is(statusOf('SHOAL_NEVER_HEARD_OF'), 500);
});

test.run();
