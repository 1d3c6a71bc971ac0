import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { guestFiles } from './guest-files.ts';
import { meanDynamicKib, PAGES, type Page } from './mix.ts';
import { CHECKS, requestOf, USERS } from './requests.ts';

const file = (path: string) => guestFiles().find(f => f.path === path)?.text ?? '';
const page = file('/shoal/bank/page.php');

test('the bank has every page that users ask for, of its size, and no other', () => {
  const lines = new Map(
    [.../const LINES = \[(.*)\];/.exec(page)![1]!.matchAll(/'(\w+)' => (\d+)/g)].map(m => [m[1], m[2]]),
  );
  for (const [name, { kib, embedded }] of Object.entries(PAGES))
    assert.is(lines.get(name), embedded ? undefined : String(kib * 8), name);
  assert.is(lines.size, Object.values(PAGES).filter(p => !p.embedded).length);
});

test('what users post is what the bank takes as posted', () => {
  const posted = [.../const POSTED = \[(.*)\];/.exec(page)![1]!.matchAll(/'(\w+)'/g)].map(m => m[1] as Page);
  for (const name of Object.keys(PAGES) as Page[])
    assert.is(requestOf(name, 1, 1).method === 'POST', posted.includes(name), name);
});

test('every account and every picture that users ask for is there', () => {
  assert.match(page, new RegExp(`\\$user >= ${USERS}\\)`));
  assert.match(file('/shoal/bank/fill.php'), new RegExp(`\\$check < ${CHECKS};`));
  for (const user of [0, 7, USERS - 1])
    assert.is(requestOf('check_image_back', user, 1).path, `/checks/${user % CHECKS}-back`);
});

test('its pages are as large as those of SPEC on average', () => {
  assert.ok(Math.abs(meanDynamicKib() - 16) < 1, String(meanDynamicKib()));
});

test('files lie where experiments may have files, and the job can be run', () => {
  assert.ok(guestFiles().every(({ path }) => path.startsWith('/shoal/')));
  assert.equal(
    guestFiles()
      .filter(({ mode }) => mode & 0o111)
      .map(({ path }) => path),
    ['/shoal/jobs/bank'],
  );
});

test.run();
