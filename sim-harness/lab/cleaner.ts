/** Cleaning up that happens also when the process that made the mess is killed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Script that ends every process that works in the directory `$1` or below it (proc(5), cwd), and theirs that were
 * started meanwhile, then removes it. Bounded: what the kernel holds (state D) must not keep the cleaner for ever.
 */
export const END_ALL_IN = `
for look in $(seq 50); do
  found=
  for at in /proc/[0-9]*; do
    case "$(readlink "$at/cwd")" in "$1" | "$1"/*) kill -9 "\${at#/proc/}" && found=yes ;; esac
  done
  [ "$found" ] || break
  sleep 0.1
done
rm -rf "$1"`;

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
