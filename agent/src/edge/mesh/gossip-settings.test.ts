import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { degrees, RELAYED_MS, waitedMs } from './gossip-settings.ts';

const [few, many] = [degrees(16).floodPublish, degrees(64).floodPublish];
const lately = () => true;

test('a report that took another way though its author has just been heard itself counts as older than it came', () => {
  assert.is(waitedMs('author', 'relay', few, lately), RELAYED_MS);
  assert.is(waitedMs('author', 'author', few, lately), 0);
});

test('where all reports of an author come by way of others, one of them is as good as any', () => {
  assert.is(
    waitedMs('author', 'relay', few, () => false),
    0,
  );
  assert.is(waitedMs('author', 'relay', many, lately), 0);
});

test.run();
