import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const here = dirname(fileURLToPath(import.meta.url));

test('checkers import nothing of the agent, of the lab or of a scenario', () => {
  const checkers = readdirSync(here).filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  assert.ok(checkers.length > 8);
  for (const name of checkers)
    for (const [, from = ''] of readFileSync(join(here, name), 'utf8').matchAll(/from '([^']+)'/g))
      assert.match(from, /^(node:[a-z/_]+|\.\/[a-z-]+\.ts)$/, `${name} imports ${from}`);
});

test.run();
