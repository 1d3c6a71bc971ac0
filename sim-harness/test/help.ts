/** What tests of whole labs share: waiting for something to hold, and moving a VM by hand to its end. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { HandoffStatus } from '@shoal/agent/edge/http/api.types';
import * as assert from 'uvu/assert';
import type { Lab, LabOptions } from '../lab/index.ts';

/** What most labs of tests are: nobody moves a VM there but the test. */
export const TWO_QEMU_NODES = {
  nodes: 2,
  driver: 'qemu',
  net: 'netns',
  link: '1gbit',
  cores: 'none',
  mode: 'observe',
} as const satisfies LabOptions;

/** As `test.before`. uvu says nothing of what a hook throws, only that no test ran. */
export function before(test: { before(hook: () => Promise<void>): void }, hook: () => Promise<void>): void {
  test.before(() =>
    hook().catch(error => {
      process.stderr.write(`before the first test: ${error instanceof Error ? error.stack : error}\n`);
      throw error;
    }),
  );
}

const LOOK_EVERY_MS = 20;
/** A move of a small guest takes about a second; a machine with other work, some tens. */
const MOVE_MAX_MS = 60_000;

/** What `look` finds, as soon as that is something. Rejects when it finds nothing in time. */
export async function within<T>(
  ms: number,
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const untilMs = Date.now() + ms;
  for (;;) {
    const found = await Promise.resolve(look()).catch(() => undefined);
    if (found) return found;
    if (Date.now() > untilMs) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(LOOK_EVERY_MS);
  }
}

/** Both sides of the handoff, source first, once each says how it ended. */
export async function move(
  lab: Lab,
  vm: string,
  [from, to]: readonly [string, string],
  engine: string,
): Promise<HandoffStatus[]> {
  const { handoff } = await lab
    .node(from)
    .post<{ handoff: string }>(`/v1/vms/${vm}/actions/migrate`, { node: to, engine });
  return within(MOVE_MAX_MS, `${vm} is on ${to} by ${engine}`, async () => {
    const sides = await Promise.all(
      [from, to].map(n => lab.node(n).get<HandoffStatus>(`/v1/handoffs/${handoff}`)),
    );
    return sides.every(s => s.outcome !== '') && sides;
  });
}

/** As `move`; fails the test unless the VM has moved. */
export async function moved(
  lab: Lab,
  vm: string,
  way: readonly [string, string],
  engine: string,
): Promise<void> {
  const ends = (await move(lab, vm, way, engine)).map(s => [s.outcome, s.detail]);
  assert.equal(ends, [
    ['done', ''],
    ['done', ''],
  ]);
}
