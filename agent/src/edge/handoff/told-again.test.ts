/** What a page server must have heard, and may not have: it is told again by each life of its agent, and each time it is lost sight of. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { PageServerEvent, SessionFile } from '../pages/types.ts';
import { openDatabase } from '../store/store.ts';
import { createJournal } from './journal.ts';
import { entry, H1, quiet, testNode } from './test-node.ts';
import type { Said } from './words.ts';

/** A page server that outlives its agents and writes down what it is asked. */
function lasting() {
  const asked: string[] = [];
  let tell: (event: PageServerEvent) => void = quiet;
  const does = (what: string) => async () => {
    asked.push(what);
  };
  const server = {
    on: (listener: typeof tell) => {
      tell = listener;
    },
    ...{ freeze: does('freeze'), release: does('release'), resumed: does('resumed'), warm: does('warm') },
  };
  const servers = { keepOnly: quiet, adopt: async () => server, remove: quiet };
  return { asked, servers, lose: () => tell({ event: 'exit' }) };
}

const CASES = [
  ['source', 'committed', { type: 'running', epoch: 2 }, ['freeze', 'release']],
  ['target', 'owner', undefined, ['resumed']],
] as const;
for (const [role, record, word, wanted] of CASES)
  test(`a page server of the ${role} is told all that it may have missed by a later life of its agent, and when it is found again`, async () => {
    const dir = mkdtempSync(join(tmpdir(), 'shoal-told-'));
    const db = await openDatabase(dir);
    const journal = createJournal(db);
    const session = { role: 'serve', engine: 'postcopy', earlyRelease: 'on' } as SessionFile;
    await journal.write({ ...entry(H1, role, record, 2), session });
    const { asked, servers, lose } = lasting();
    const vm = { epoch: role === 'source' ? 1 : 2, runState: role === 'source' ? 'postmigrate' : 'running' };
    const node = testNode(journal, vm, undefined, servers);
    try {
      await node.handoffs.recover();
      await sleep(200);
      if (word) node.hear(word as unknown as Said);
      await sleep(200);
      assert.equal(asked.splice(0), wanted);
      lose();
      await sleep(200);
      assert.equal(asked, wanted, 'found again');
    } finally {
      await node.handoffs.stop();
      await db.close();
      rmSync(dir, { recursive: true });
    }
  });

test.run();
