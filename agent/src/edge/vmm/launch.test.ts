import { execFileSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { atGuestPriority } from './launch.ts';

/** What a process that is started so reads of its own niceness (nice(1) without arguments). */
const niceness = (command: string[]): number =>
  Number(execFileSync(command[0] as string, command.slice(1), { encoding: 'utf8' }));

test('a guest of an agent that runs ahead of all else runs as if there were none', () => {
  assert.equal(atGuestPriority(['qemu', '-S'], 0), ['qemu', '-S']);
  assert.equal(atGuestPriority(['qemu', '-S'], 5), ['qemu', '-S']);
  const here = niceness(['nice']);
  assert.is(niceness(atGuestPriority(['nice'], -7)), Math.min(19, here + 7), 'seven steps behind its parent');
});

test.run();
