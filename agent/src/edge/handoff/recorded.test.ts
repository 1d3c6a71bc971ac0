import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VmSpec } from '@shoal/protocol';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../mesh/test-nodes.ts';
import type { PageServerEvent, PageStats } from '../pages/types.ts';
import { openDatabase } from '../store/store.ts';
import { createJournal } from './journal.ts';
import { sessionWants, type WantsDeps } from './session-wants.ts';
import { entry, H1, testNode, VM } from './test-node.ts';

test('what a page server of the target saw of its VM is kept with that VM, also when the agent was away meanwhile', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'shoal-recorded-'));
  const db = await openDatabase(dir);
  const journal = createJournal(db);
  await journal.write(entry(H1, 'target', 'owner', 2));
  const stats = { deviceLoadPages: [160], faultedBlocks: [13, 2] } as PageStats;
  const server = {
    on: (listener: (event: PageServerEvent) => void) => listener({ event: 'complete', stats }),
    stats: async () => stats,
    end: async () => undefined,
  };
  const servers = {
    keepOnly: async () => undefined,
    adopt: async () => server,
    remove: async () => undefined,
  };
  const kept: [string, number[]][] = [];
  const record = (spec: VmSpec, { faultedBlocks }: PageStats) => kept.push([spec.vm, faultedBlocks]);
  const { handoffs } = testNode(journal, { epoch: 2, runState: 'running' }, {}, servers, undefined, {
    record,
  });
  await handoffs.recover();
  await until('it is kept', () => kept.length > 0);
  assert.equal(kept, [[VM, [13, 2]]]);
  await handoffs.stop();
  await db.close();
  rmSync(dir, { recursive: true });
});

test('what was seen when a VM came goes to the page server that sends its pages on, and to no other', () => {
  const { offer } = entry(H1, 'source', 'preparing', 2);
  const deps = { host: { paths: () => ({ ram: '/ram' }), ramBytes: () => 4096 } } as unknown as WantsDeps;
  const peer = { certSha256: '', host: '', port: 0 };
  const recorded = { deviceLoadPages: [160], hotBlocks: [13, 2] };
  const nothing = { deviceLoadPages: [], hotBlocks: [] };
  for (const engine of ['postcopy', 'warm', 'precopy', 'qemu-postcopy'] as const) {
    const told = sessionWants('serve', { ...offer, engine }, peer, recorded, deps);
    const paged = engine === 'postcopy' || engine === 'warm';
    const { deviceLoadPages, hotBlocks } = told;
    assert.equal({ deviceLoadPages, hotBlocks }, paged ? recorded : nothing, engine);
  }
  const told = sessionWants('fetch', { ...offer, engine: 'postcopy' }, peer, undefined, deps);
  assert.equal(told.hotBlocks, []);
});

test.run();
