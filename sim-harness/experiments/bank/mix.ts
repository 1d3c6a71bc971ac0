/**
 * Who asks the bank for what: a user's session as a Markov chain over pages, after the Banking workload of SPECweb2005.
 *
 * The states, the chances of going from one to another and the shares of pages that follow from them are those that SPEC
 * publishes (SPECweb2005 Banking Workload Design Document 1.20, https://www.spec.org/web2005/docs/BankingDesign.html, the same in
 * SPECweb2009): in every state a fifth of all users go away, so a session has 4.6 pages. Think times are those of its harness:
 * negative exponential about 10 s, never over 60, which makes the 9.98 s on average that its authors saw (R. Hariharan, N. Sun,
 * Workload Characterization of SPECweb2005, 2006). Sizes of pages: S. R. Agrawal et al., Rhythm, ASPLOS 2014, table 2; quick_pay,
 * which they leave out, taken as the page of its kind. Nothing of SPEC's own code or files is used: figures of this workload are no
 * SPEC results. Left out: TLS, the pictures of the layout, and the second server that has SPEC's accounts. Pure.
 */
import type { Random } from '../../chaos/random.ts';

/** `kib`: of the answer. `next`: chances; what is missing to 1 goes away. `embedded`: asked for at once by the page before. */
type PageRow = { kib: number; post?: true; embedded?: true; next: Partial<Record<Page, number>> };

export type Page =
  | 'login'
  | 'account_summary'
  | 'check_detail_html'
  | 'check_image_front'
  | 'check_image_back'
  | 'bill_pay'
  | 'add_payee'
  | 'post_payee'
  | 'quick_pay'
  | 'bill_pay_status'
  | 'profile'
  | 'change_profile'
  | 'order_check'
  | 'place_check_order'
  | 'transfer'
  | 'post_transfer'
  | 'logout';

const OUT = { logout: 0.08 };
const TO_SUMMARY = { account_summary: 0.72, ...OUT };
const TO_BILLS = { bill_pay: 0.72, ...OUT };

export const PAGES: Readonly<Record<Page, PageRow>> = {
  login: { kib: 4, post: true, next: { account_summary: 0.32, bill_pay: 0.32, transfer: 0.08, ...OUT } },
  account_summary: { kib: 17, next: { check_detail_html: 0.56, profile: 0.08, order_check: 0.08, ...OUT } },
  check_detail_html: { kib: 11, next: { check_image_front: 1 } },
  check_image_front: { kib: 12, embedded: true, next: { check_image_back: 1 } },
  check_image_back: { kib: 12, embedded: true, next: TO_SUMMARY },
  bill_pay: { kib: 15, next: { add_payee: 0.08, quick_pay: 0.48, bill_pay_status: 0.16, ...OUT } },
  add_payee: { kib: 18, next: { post_payee: 0.72, ...OUT } },
  post_payee: { kib: 34, post: true, next: TO_BILLS },
  quick_pay: { kib: 24, post: true, next: TO_BILLS },
  bill_pay_status: { kib: 24, next: TO_BILLS },
  profile: { kib: 32, next: { change_profile: 0.72, ...OUT } },
  change_profile: { kib: 29, post: true, next: TO_SUMMARY },
  order_check: { kib: 21, next: { place_check_order: 0.72, ...OUT } },
  place_check_order: { kib: 25, post: true, next: TO_SUMMARY },
  transfer: { kib: 13, next: { post_transfer: 0.72, ...OUT } },
  post_transfer: { kib: 16, post: true, next: TO_SUMMARY },
  logout: { kib: 46, next: {} },
};

const FIRST: Page = 'login';
const THINK_MEAN_MS = 10_000;
const THINK_MAX_MS = 60_000;

/** Where a user goes from a page; undefined: away. `fraction`: of chance, 0 to below 1. */
export function nextPage(page: Page, fraction: number): Page | undefined {
  let passed = 0;
  for (const [next, chance] of Object.entries(PAGES[page].next)) {
    passed += chance;
    if (fraction < passed) return next as Page;
  }
  return undefined;
}

/** How long a user looks at a page before going on. */
export const thinkMs = (fraction: number): number =>
  Math.min(THINK_MAX_MS, -THINK_MEAN_MS * Math.log(1 - fraction));

/** `waitMs`: after the answer before; 0 for what that answer itself asks for. */
export type Visit = { page: Page; waitMs: number };

/** One user, from login until going away: all of it is chance from one seed, none of it depends on how fast answers come. */
export function* session(chance: Random): Generator<Visit, void, void> {
  let page: Page | undefined = FIRST;
  let waitMs = 0;
  while (page) {
    yield { page, waitMs };
    page = nextPage(page, chance.fraction());
    if (page) waitMs = PAGES[page].embedded ? 0 : thinkMs(chance.fraction());
  }
}

/** Pages that a session visits on average, by the chain alone. */
export function visitsOf(): Record<Page, number> {
  const pages = Object.keys(PAGES) as Page[];
  let visits = Object.fromEntries(pages.map(page => [page, page === FIRST ? 1 : 0])) as Record<Page, number>;
  // Each round adds what is one page further; of sessions of over a hundred pages there are none that matter.
  for (let round = 0; round < 100; round++) {
    const further = Object.fromEntries(pages.map(page => [page, page === FIRST ? 1 : 0])) as typeof visits;
    for (const page of pages)
      for (const [next, chance] of Object.entries(PAGES[page].next))
        further[next as Page] += visits[page] * chance;
    visits = further;
  }
  return visits;
}

/** Of the pages that are made by a program, on average over the mix: what a page costs is in proportion to its size. */
export function meanDynamicKib(): number {
  const dynamic = Object.entries(visitsOf()).filter(([page]) => !PAGES[page as Page].embedded);
  const all = dynamic.reduce((sum, [, visits]) => sum + visits, 0);
  return dynamic.reduce((sum, [page, visits]) => sum + visits * PAGES[page as Page].kib, 0) / all;
}
