import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { utf8Bytes } from './fields.ts';
import { sentence } from './kinds.ts';
import { SENTENCE_BYTES_MAX } from './limits.ts';
import { fitSentence } from './sentence.ts';

test('a sentence that fits is left as it is', () => {
  assert.is(fitSentence('vm0 needs 512 MiB, 100 MiB are free'), 'vm0 needs 512 MiB, 100 MiB are free');
});

test('line breaks and escapes of a VMM become blanks, so that the reason still reaches the peer', () => {
  const said = 'qemu: could not open disk:\n\u001b[31mNo such file\u202e\n';
  assert.throws(() => sentence.read(said, 'reason'), /control/);
  assert.is(fitSentence(said), 'qemu: could not open disk:  [31mNo such file');
});

test('a sentence that is too long is cut between letters, never inside one, and says so', () => {
  for (const letter of ['a', 'ä', '€', '🐟']) {
    const fitted = fitSentence(letter.repeat(2000));
    assert.ok(utf8Bytes(fitted) <= SENTENCE_BYTES_MAX && utf8Bytes(fitted) > SENTENCE_BYTES_MAX - 5, letter);
    assert.ok(fitted.endsWith(`${letter}…`), letter);
    assert.is(sentence.read(fitted, ''), fitted);
  }
});

test.run();
