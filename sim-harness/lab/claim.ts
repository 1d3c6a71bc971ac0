/**
 * A lab's namespaces, interfaces, groups and directories are called after it on all of the machine, while what it has
 * made is written down in its checkout: two checkouts would take one another's for leftovers. So a name is claimed.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ShoalError } from '@shoal/agent';
import { isAlive, type ProcessId, startTicks } from '@shoal/agent/edge/vmm/processes';
import { repositoryRoot } from '../guest/root.ts';
import { runRoot } from './place.ts';
import { checkedName, stateFile } from './state.ts';

type Claim = { checkout: string; by: ProcessId };

/** On all of the machine. */
export const claimFile = (name: string): string => join(runRoot(), `shoal-lab-${checkedName(name)}.json`);

/** Undefined where nobody claims the name, or what is there cannot be read: nobody can be told to end that. */
function claimOf(name: string): Claim | undefined {
  try {
    return JSON.parse(readFileSync(claimFile(name), 'utf8')) as Claim;
  } catch {
    return undefined;
  }
}

/**
 * For this checkout, until `releaseName`. Throws SHOAL_LAB_RUNS while another one has a lab of that name, or makes one;
 * `checkout` is its root.
 */
export function claimName(name: string, checkout = repositoryRoot()): void {
  const before = claimOf(name);
  if (before && before.checkout !== checkout) {
    const stands = existsSync(stateFile(name, before.checkout));
    if (stands || isAlive(before.by)) {
      const todo = 'End it there (npm run lab -- down), or use another name';
      throw new ShoalError('SHOAL_LAB_RUNS', `it belongs to ${before.checkout}`, `lab ${name}`, todo);
    }
  }
  const by = { pid: process.pid, startTicks: startTicks(process.pid) ?? '' };
  writeFileSync(claimFile(name), JSON.stringify({ checkout, by } satisfies Claim));
}

/** Nothing of the lab is left. The claim of another checkout stays. */
export function releaseName(name: string, checkout = repositoryRoot()): void {
  if (claimOf(name)?.checkout === checkout) rmSync(claimFile(name), { force: true });
}
