/**
 * What all checkers answer. Nothing in this folder imports the agent, the lab or a scenario: evidence is read from
 * processes, /proc, monitors of the checkers' own, RAM files, disks, run ledgers and what guests say of themselves
 * (`apart.test.ts` holds that).
 */
export type Check = 'one-runner' | 'not-lost' | 'memory' | 'orphans' | 'views' | 'ends' | 'disks' | 'agents';

export type Violation = { check: Check; what: string };

export const violation = (check: Check, what: string): Violation => ({ check, what });

/** CLOCK_MONOTONIC, ns, as run ledgers have it (`process.hrtime` reads the same clock on Linux). */
export const monotonicNs = (): number => Number(process.hrtime.bigint());
