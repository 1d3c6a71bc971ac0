import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../chaos/random.ts';
import { nextPage, PAGES, type Page, session, thinkMs, visitsOf } from './mix.ts';

/** Percent of all pages, as SPEC publishes them for Banking (both sides of a check's picture are one page there). */
const PUBLISHED = {
  login: 21.53,
  account_summary: 15.11,
  check_detail_html: 8.45,
  bill_pay: 13.89,
  add_payee: 1.12,
  post_payee: 0.8,
  quick_pay: 6.67,
  bill_pay_status: 2.23,
  profile: 1.22,
  change_profile: 0.88,
  order_check: 1.22,
  place_check_order: 0.88,
  transfer: 1.71,
  post_transfer: 1.24,
  logout: 6.16,
};

const all = (seeds: number) => Array.from({ length: seeds }, (_, i) => [...session(new Random(i))]);

test('the chain gives the shares of pages that SPEC publishes', () => {
  const visits = visitsOf();
  const sum = Object.values(visits).reduce((a, b) => a + b);
  const share = (page: Page) => (100 * visits[page]) / sum;
  for (const [page, percent] of Object.entries(PUBLISHED))
    assert.ok(
      Math.abs(share(page as Page) - percent) < 0.06,
      `${page}: ${share(page as Page)}, not ${percent}`,
    );
  assert.ok(Math.abs(share('check_image_front') + share('check_image_back') - 16.89) < 0.1);
  assert.ok(Math.abs(sum - 4.6) < 0.05, 'pages of a session');
});

test('sessions that are played have the pages that the chain has', () => {
  const played = all(20_000).flat();
  for (const [page, visits] of Object.entries(visitsOf())) {
    const mean = played.filter(visit => visit.page === page).length / 20_000;
    assert.ok(Math.abs(mean - visits) < 0.02, `${page}: ${mean}, not ${visits}`);
  }
});

test('chances of no page are over one, and only from a check and its front nobody goes away', () => {
  for (const [page, { next }] of Object.entries(PAGES)) {
    const sum = Object.values(next).reduce((a, b) => a + b, 0);
    assert.ok(sum <= 1 + 1e-9, page);
    assert.is(nextPage(page as Page, 0.9999) === undefined, sum < 0.99, page);
  }
});

test('a user begins with the login at once, thinks before each page, and not before the pictures of a check', () => {
  for (const visits of all(500)) {
    assert.equal(visits[0], { page: 'login', waitMs: 0 });
    for (const { page, waitMs } of visits.slice(1))
      assert.is(waitMs === 0, page.startsWith('check_image'), page);
  }
});

test('think times are 10 s on average and never over a minute', () => {
  const chance = new Random(1);
  const times = Array.from({ length: 100_000 }, () => thinkMs(chance.fraction()));
  const mean = times.reduce((a, b) => a + b) / times.length;
  assert.ok(Math.abs(mean - 9975) < 100, String(mean));
  assert.is(Math.max(...times), 60_000);
  assert.ok(Math.min(...times) >= 0);
});

test('the same seed is the same user, another seed another one', () => {
  assert.equal([...session(new Random(7))], [...session(new Random(7))]);
  const users = new Set(all(50).map(visits => JSON.stringify(visits)));
  // A fifth of them goes away right after the login.
  assert.ok(users.size > 35, String(users.size));
});

test.run();
