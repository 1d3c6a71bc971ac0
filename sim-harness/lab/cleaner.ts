/** Cleaning up that happens also when the process that made the mess is killed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs a shell script once this process has ended, however it ends, or when the returned function is called, which
 * resolves when the script has run. `args` are the script's `$1`, `$2`, …
 */
export function cleaner(script: string, ...args: string[]): () => Promise<void> {
  // Its input ends with the last process that holds the other end, which is this one.
  const child = spawn('sh', ['-c', `cat > /dev/null; ${script}`, 'cleaner', ...args], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.unref();
  return async () => {
    if (child.exitCode !== null) return;
    child.ref();
    const gone = once(child, 'exit');
    child.stdin?.end();
    await gone;
  };
}
