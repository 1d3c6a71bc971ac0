/**
 * The machines of a lab's nodes, which sleep when their agents ask for it: an agent that sleeps is stopped (SIGSTOP), as silent as in
 * S3, until its double of an AMT is asked to wake it.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ASLEEP, MACHINE } from '@shoal/agent/edge/power/suspend/simulated';
import { startTicks } from '@shoal/agent/edge/vmm/processes';
import { AMT_PORTS_FROM } from '../lab/config.ts';
import type { Lab, LabNode } from '../lab/index.ts';
import { AmtDouble, type Machine } from './double.ts';
import type { Knobs } from './knobs.ts';

const LOOK_MS = 10;
/** DSP1027. */
const [ON, ASLEEP_S3] = [2, 4];
const INVALID_TRANSITION = 4097;

/** The hardware of one node. */
export class LabMachine implements Machine {
  readonly #node: LabNode;
  readonly #file: string;
  readonly #timer: NodeJS.Timeout;
  /** Whom it has stopped. */
  #stopped: { pid: number; ticks: string } | undefined;
  #revives = false;
  /** When it fell asleep and woke, ms of this process's clock. */
  readonly sleptAtMs: number[] = [];
  readonly wokeAtMs: number[] = [];
  /** It does not come back from S3, whatever is asked. */
  isStuck = false;

  constructor(node: LabNode) {
    this.#node = node;
    this.#file = join(node.runDir, MACHINE, ASLEEP);
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  state(): number {
    return this.#stopped ? ASLEEP_S3 : ON;
  }

  request(state: number): number {
    if (state !== ON || !this.#stopped) return INVALID_TRANSITION;
    if (!this.isStuck) this.wake();
    return 0;
  }

  /** By whomever: its AMT, its clock, a finger. */
  wake(): void {
    const asleep = this.#stopped;
    if (!asleep) return;
    this.#stopped = undefined;
    this.wokeAtMs.push(performance.now());
    rmSync(this.#file, { force: true });
    // Another process may have its number by now.
    if (startTicks(asleep.pid) === asleep.ticks) process.kill(asleep.pid, 'SIGCONT');
    this.#revives = true;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.wake();
    this.#revives = false;
  }

  #look(): void {
    // As its service does: an agent that slept ends, and is started again.
    if (this.#revives && !this.#node.alive) {
      this.#revives = false;
      this.#node.start();
    }
    if (this.#stopped || !existsSync(this.#file)) return;
    const pid = Number(readFileSync(this.#file, 'utf8'));
    // It is there before its line is.
    if (!Number.isInteger(pid) || pid <= 1 || pid !== this.#node.pid) return;
    this.#stopped = { pid, ticks: startTicks(pid) ?? '' };
    process.kill(pid, 'SIGSTOP');
    this.sleptAtMs.push(performance.now());
  }
}

export type Machines = {
  of(name: string): { machine: LabMachine; amt: AmtDouble };
  stop(): Promise<void>;
};

/** Of every node of a lab in namespaces. */
export async function startMachines(
  lab: Lab,
  tls: { key: string; cert: string },
  knobs: Partial<Knobs> = {},
): Promise<Machines> {
  const { network } = lab.state;
  if (!network) throw new Error('assertion failed: the lab has a network');
  const all = new Map<string, { machine: LabMachine; amt: AmtDouble }>();
  const stop = async () => {
    for (const { machine, amt } of all.values()) {
      machine.stop();
      await amt.close();
    }
  };
  try {
    for (const node of lab.nodes) {
      const machine = new LabMachine(node);
      const amt = new AmtDouble(machine, knobs);
      all.set(node.name, { machine, amt });
      await amt.listen(network.host, AMT_PORTS_FROM + node.index, tls);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    of(name) {
      const found = all.get(name);
      if (!found) throw new Error(`assertion failed: there is no node ${name}`);
      return found;
    },
    stop,
  };
}
