/** One check of `shoal doctor`: what was looked at, what was found, and what to do about it. */
export type CheckState = 'ok' | 'warn' | 'fail';

export type Check = {
  name: string;
  /** `warn`: works, but worse than it could. `fail`: a VM or a move will not work. */
  state: CheckState;
  found: string;
  /** Empty when nothing is to be done. */
  todo: string;
};

export const ok = (name: string, found: string): Check => ({ name, state: 'ok', found, todo: '' });
export const warn = (name: string, found: string, todo: string): Check => ({
  name,
  state: 'warn',
  found,
  todo,
});
export const fail = (name: string, found: string, todo: string): Check => ({
  name,
  state: 'fail',
  found,
  todo,
});

/** Whether dotted numbers reach a floor: `atLeast('6.1.0-18-amd64', [6, 4])` is false. */
export function atLeast(version: string, floor: readonly number[]): boolean {
  const parts = (/^\D*(\d+(?:\.\d+)*)/.exec(version)?.[1] ?? '').split('.').map(Number);
  for (const [i, wanted] of floor.entries()) {
    const found = parts[i] ?? 0;
    if (found !== wanted) return found > wanted;
  }
  return true;
}
