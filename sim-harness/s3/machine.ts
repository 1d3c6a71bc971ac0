/**
 * A machine that really sleeps: QEMU's `pc` with a real kernel in ACPI S3, its power seen and changed over QMP (`query-status`,
 * `system_wakeup`), as an AMT does it beside a host that knows nothing of it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Qmp } from '@shoal/agent/edge/vmm/qmp';
import type { Machine } from '../amt/double.ts';

export type S3Options = {
  dir: string;
  kernel: string;
  initrd: string;
  nodeDisk: string;
  stateDisk: string;
  /** The name of its tap device, which is there while it runs. */
  tap: string;
  /** Plugs that device in, whenever it has started. */
  plug(): Promise<unknown>;
  /** With its prefix. */
  address: string;
  memoryMib: number;
};

const OPEN_MS = 20_000;
/** DSP1027. */
const [ON, ASLEEP_S3, OFF] = [2, 4, 8];
const INVALID_TRANSITION = 4097;

export class S3Machine implements Machine {
  readonly #options: S3Options;
  #child: ChildProcess;
  #qmp: Qmp | undefined;
  #status = 'prelaunch';
  readonly sleptAtMs: number[] = [];
  readonly wokeAtMs: number[] = [];

  private constructor(options: S3Options) {
    this.#options = options;
    this.#child = this.#spawn();
  }

  #spawn(): ChildProcess {
    const { dir, kernel, initrd, nodeDisk, stateDisk, tap, address, memoryMib } = this.#options;
    const out = openSync(join(dir, 'qemu.log'), 'a');
    const disk = (file: string, more: string) => ['-drive', `file=${file},format=raw,if=virtio,${more}`];
    const args = [
      ...[
        '-machine',
        'pc,accel=tcg',
        '-m',
        String(memoryMib),
        '-nodefaults',
        '-display',
        'none',
        '-no-user-config',
      ],
      ...['-global', 'PIIX4_PM.disable_s3=0', '-kernel', kernel, '-initrd', initrd],
      ...['-append', `console=ttyS0 quiet no_timer_check no_console_suspend shoal.ip=${address}`],
      ...disk(nodeDisk, 'readonly=on'),
      ...disk(stateDisk, 'cache=unsafe'),
      ...['-netdev', `tap,id=n,ifname=${tap},script=no,downscript=no`, '-device', 'virtio-net-pci,netdev=n'],
      ...['-serial', `file:${this.consoleFile}`, '-serial', `unix:${this.#shell},server=on,wait=off`],
      ...['-qmp', `unix:${join(dir, 'qmp.sock')},server=on,wait=off`],
    ];
    // It ends with the test, also with one that is killed; its tap device goes with it.
    const bound = ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...args];
    const child = spawn('setpriv', bound, { stdio: ['ignore', out, out], detached: true });
    closeSync(out);
    child.unref();
    return child;
  }

  static async start(options: S3Options): Promise<S3Machine> {
    const machine = new S3Machine(options);
    try {
      await machine.#open();
      return machine;
    } catch (error) {
      machine.end();
      throw error;
    }
  }

  get consoleFile(): string {
    return join(this.#options.dir, 'console.log');
  }
  get console(): string {
    return readFileSync(this.consoleFile, 'utf8');
  }
  get #shell(): string {
    return join(this.#options.dir, 'shell.sock');
  }

  state(): number {
    return this.#status === 'suspended' ? ASLEEP_S3 : this.#status === 'running' ? ON : OFF;
  }

  request(state: number): number {
    // A machine that is on refuses, as AMT's number that is not 0 does.
    if (state !== ON || this.#status !== 'suspended') return INVALID_TRANSITION;
    void this.wake();
    return 0;
  }

  async wake(): Promise<void> {
    await this.#qmp?.execute('system_wakeup');
  }

  /**
   * The power is gone for a moment, and with it its memory: it boots. (QEMU's `system_reset` of a suspended machine is none: its firmware
   * finds the word in the CMOS that it slept, and resumes what is still in memory.)
   */
  async powerLoss(): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.end();
    await gone;
    this.#status = 'prelaunch';
    this.#child = this.#spawn();
    await this.#open();
  }

  /** Types a line into the shell of the node; nothing is waited for. */
  async type(line: string): Promise<void> {
    const socket = connect(this.#shell);
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', resolve);
    });
    socket.write(`${line}\n`);
    await sleep(200);
    socket.destroy();
  }

  end(): void {
    this.#qmp?.close();
    this.#qmp = undefined;
    if (this.#child.exitCode === null && this.#child.pid) {
      try {
        process.kill(this.#child.pid, 'SIGKILL');
      } catch {
        // It ended by itself a moment ago.
      }
    }
  }

  async #open(): Promise<void> {
    const path = join(this.#options.dir, 'qmp.sock');
    for (const endMs = performance.now() + OPEN_MS; !this.#qmp; await sleep(100)) {
      this.#qmp = await Qmp.open(path, 2000).catch(() => undefined);
      if (this.#child.exitCode !== null || performance.now() > endMs)
        throw new Error(`QEMU does not start: ${readFileSync(join(this.#options.dir, 'qemu.log'), 'utf8')}`);
    }
    this.#qmp.onEvent(({ event }) => {
      if (event === 'SUSPEND') {
        this.#status = 'suspended';
        this.sleptAtMs.push(performance.now());
      }
      if (event === 'WAKEUP') {
        this.#status = 'running';
        this.wokeAtMs.push(performance.now());
      }
      if (event === 'SHUTDOWN') this.#status = 'shutdown';
    });
    const { status } = (await this.#qmp.execute('query-status')) as { status: string };
    this.#status = status;
    await this.#options.plug();
  }
}
