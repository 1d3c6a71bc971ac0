import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { tablePage } from './table-page.ts';

test('the page of the handoff tables says what the tables say', () => {
  const page = readFileSync(new URL('../../../../docs/handoff-table.md', import.meta.url), 'utf8');
  assert.is(page, tablePage(), 'run `npm run docs`');
});

test.run();
