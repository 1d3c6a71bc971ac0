/** Which of two registers of one key is the later one: a total order that needs no clock and no order of arrival. */
import type { Register } from '@shoal/protocol';

/**
 * By counter, then author, then value. The last is for an author that signed two values with one counter (a store that
 * was set back): all nodes keep the same one. Signatures do not count: several are valid for the same words.
 */
export function beats(a: Register, b: Register): boolean {
  if (a.counter !== b.counter) return a.counter > b.counter;
  if (a.author !== b.author) return a.author > b.author;
  return a.value > b.value;
}
