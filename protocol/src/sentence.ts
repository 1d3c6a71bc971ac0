/** Fits a sentence that others wrote (a VMM, the kernel, a library) into a message: no peer shall refuse ours for it. */
import { CONTROL, utf8Bytes } from './fields.ts';
import { SENTENCE_BYTES_MAX } from './limits.ts';

const CUT = '…';

export function fitSentence(text: string): string {
  const clean = text.replace(new RegExp(CONTROL, 'g'), ' ').trim();
  if (utf8Bytes(clean) <= SENTENCE_BYTES_MAX) return clean;
  let fitted = '';
  let bytes = utf8Bytes(CUT);
  for (const char of clean) {
    bytes += utf8Bytes(char);
    if (bytes > SENTENCE_BYTES_MAX) break;
    fitted += char;
  }
  return fitted + CUT;
}
