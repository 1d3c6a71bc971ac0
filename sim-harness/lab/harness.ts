/** A lab ends with the process that made it, unless it is left running on purpose. Only SIGKILL gets past this. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ShoalError } from '@shoal/agent';
import { repositoryRoot } from '../guest/root.ts';
import { type LabState, loadLab, saveLab } from './state.ts';
import { teardown } from './teardown.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** As shells say it of a process that was interrupted. */
const INTERRUPTED = 130;
/** Removal takes under a second; a process that ends must not hang on it. */
const DOWN_MS = 30_000;

export type Guard = {
  /** Between two things that are made: throws SHOAL_LAB_INTERRUPTED when the harness was told to end. */
  check(): void;
  /** All is made: from now on a signal removes it at once. */
  made(): void;
  /** After a failure that was cleaned up: ends the process if it was told to. */
  failed(): void;
  /** The lab is gone, or is to stay. */
  release(): void;
};

/**
 * While a lab is being made a signal only marks it: removal beside the making would miss what is made next.
 * `process.exit` and uncaught errors leave no time for promises, so another process does it then.
 */
export function guardLab(state: LabState): Guard {
  let making = true;
  let interrupted = false;
  const onSignal = (): void => {
    if (interrupted) return;
    interrupted = true;
    if (!making) void teardown(state).finally(() => process.exit(INTERRUPTED));
  };
  const onExit = (): void => {
    if (loadLab(state.name)?.owner?.pid !== process.pid) return;
    state.owner = undefined;
    saveLab(state);
    // Never with this process' own flags: `-e SCRIPT` among them would run the harness again, and that one the next.
    const source = import.meta.url.endsWith('.ts');
    const flags = source ? ['--conditions=source', '--import', 'tsx'] : [];
    const main = fileURLToPath(new URL(source ? 'main.ts' : 'main.js', import.meta.url));
    const args = [...flags, main, 'down', '--name', state.name];
    spawnSync(process.execPath, args, { stdio: 'ignore', timeout: DOWN_MS, cwd: repositoryRoot() });
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  process.on('exit', onExit);
  return {
    check() {
      if (interrupted) throw new ShoalError('SHOAL_LAB_INTERRUPTED', 'told to end', `lab ${state.name}`, '');
    },
    made() {
      making = false;
    },
    failed() {
      if (interrupted) process.exit(INTERRUPTED);
    },
    release() {
      for (const name of SIGNALS) process.off(name, onSignal);
      process.off('exit', onExit);
    },
  };
}
