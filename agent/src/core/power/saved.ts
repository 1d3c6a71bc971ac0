/** What sleep has saved a node, as a register `slept/NODE` that it writes when it wakes. Pure. */

export const sleptKey = (node: string): string => `slept/${node}`;

export type Slept = { sleeps: number; seconds: number; wattHours: number };

/** As the configuration has them, W; 0: not known. */
export type Watts = { busy: number; idle: number; asleep: number };

const NONE: Slept = { sleeps: 0, seconds: 0, wattHours: 0 };
const SECONDS_PER_HOUR = 3600;

export function sleptOf(value: string): Slept {
  try {
    const { sleeps, seconds, wattHours } = JSON.parse(value) as Slept;
    const all = [sleeps, seconds, wattHours];
    return all.every(n => Number.isFinite(n) && n >= 0) ? { sleeps, seconds, wattHours } : NONE;
  } catch {
    return NONE;
  }
}

/** One more sleep: what the machine would have drawn idle, less what it drew asleep. */
export function withSleep(value: string, seconds: number, { idle, asleep }: Watts): string {
  const before = sleptOf(value);
  const saved = idle > 0 ? Math.max(0, ((idle - asleep) * seconds) / SECONDS_PER_HOUR) : 0;
  return JSON.stringify({
    sleeps: before.sleeps + 1,
    seconds: Math.round((before.seconds + seconds) * 10) / 10,
    wattHours: Math.round((before.wattHours + saved) * 100) / 100,
  });
}
