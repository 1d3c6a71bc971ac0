import { test } from 'uvu';
import * as assert from 'uvu/assert';

test('promises can be settled from outside on every Node we run on', async () => {
  // As on Node 20, whichever runs this.
  Reflect.deleteProperty(Promise, 'withResolvers');
  await import('./node20.ts');
  const first = Promise.withResolvers<number>();
  first.resolve(7);
  assert.is(await first.promise, 7);
  const second = Promise.withResolvers<number>();
  second.reject(new Error('no'));
  assert.is(await second.promise.catch((error: Error) => error.message), 'no');
});

test.run();
