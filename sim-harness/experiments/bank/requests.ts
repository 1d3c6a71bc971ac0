/** What a visit is on the wire: paths and forms of the bank that `guest-files.ts` puts into the guest. Pure. */
import { PAGES, type Page } from './mix.ts';

/** Accounts that the bank has. */
export const USERS = 2000;
/** Checks of which it has pictures, each of two sides. */
export const CHECKS = 100;
export const PORT = 80;

export type Request = { method: 'GET' | 'POST'; path: string; body: string };

/** `cost`: rounds that each line of a page takes the CPU. Pictures are files: they cost nothing of their own. */
export function requestOf(page: Page, user: number, cost: number): Request {
  const { post, embedded } = PAGES[page];
  if (embedded) {
    const side = page === 'check_image_front' ? 'front' : 'back';
    return { method: 'GET', path: `/checks/${user % CHECKS}-${side}`, body: '' };
  }
  const path = `/bank/${page}?user=${user}&cost=${cost}`;
  return post
    ? { method: 'POST', path, body: `amount=${user}&to=${USERS - user}` }
    : { method: 'GET', path, body: '' };
}
