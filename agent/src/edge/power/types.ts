/** What touches a machine's power: how this one is suspended, how another one is woken. */

/** `suspended`: it slept, and is awake again. */
export type Suspended = { suspended: true } | { suspended: false; why: string };

export interface SuspendDriver {
  readonly name: string;
  /** Why this machine cannot be suspended so, each with what to do; empty: it can. */
  faults(): Promise<string[]>;
  /** Resolves once this machine is awake again, or when it did not suspend. Never rejects. */
  suspend(): Promise<Suspended>;
}

export interface WakeMethod {
  readonly name: 'amt' | 'wol' | 'command';
  /**
   * Tries until `signal` ends it, and resolves with what it has seen, for the log: it is never the proof of anything. Rejects
   * with a ShoalError when it makes no sense to go on. `taken`: called as soon as the other side has taken the request.
   */
  wake(signal: AbortSignal, taken: () => void): Promise<string>;
}

export type PowerPorts = {
  /** None: this node never sleeps by itself. */
  suspend: SuspendDriver | undefined;
  /** In the order in which they are tried. */
  methods(name: string): WakeMethod[];
  /** Whether one of them may work: none whose password was refused. */
  canWake(name: string): boolean;
  /** Which machine this is, as far as its firmware tells; empty: it does not. */
  hardware: string;
  /** CLOCK_BOOTTIME, ms: it goes on while the machine sleeps, CLOCK_MONOTONIC does not. */
  bootMs(): number;
  /** Arms the alarm that ends a sleep from which nobody wakes this machine, or calls it off (0). Rejects where there is none. */
  alarm(seconds: number): Promise<void>;
};
