import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { KINDS } from '../chaos/faults/kinds.ts';
import { type ChaosReport, chaos } from '../chaos/run.ts';
import { before } from './help.ts';

/** The short form of `npm run chaos`: every kind of fault is dealt once or twice. */
const HANDOFFS = 25;
const SEED = 18;

const test = suite('chaos');
let report: ChaosReport;

before(test, async () => {
  const said: string[] = [];
  const options = {
    handoffs: HANDOFFS,
    seed: SEED,
    driver: 'micro',
    nodes: 4,
    vms: 6,
    seconds: 120,
  } as const;
  report = await chaos({ ...options, name: 'chaosci', json: false }, line => said.push(line));
  if (report.violations.length > 0)
    process.stdout.write(`${said.join('\n')}\n${report.command}\n${report.logs}\n`);
});

test('under faults of many kinds no VM runs twice or is lost, its memory stays whole, nothing is left, and all nodes agree', () => {
  assert.equal(report.violations, []);
});

test('the run had its handoffs and its faults, and its guests were moved', () => {
  assert.ok(report.handoffs >= HANDOFFS, JSON.stringify(report));
  const kinds = KINDS.filter(kind => report.injected[kind] > 0);
  assert.ok(kinds.length >= 5, `only ${kinds.join(', ')}`);
  assert.ok((report.outcomes.done ?? 0) > 0, JSON.stringify(report.outcomes));
  assert.ok(report.readings > 0, 'no guest was read');
});

test.run();
