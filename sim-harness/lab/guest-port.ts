/**
 * The workload inside a guest, over its serial channel: one line in, one answer out (agent/native/workload). The
 * channel's socket moves with the VM. While it moves there are two: both are held, and a line is sent to both, since
 * exactly one of the two guests will ever run on. What falls into the gap of the switch is asked again.
 */
import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ShoalError } from '@shoal/agent';
import { type Job, parseJob } from './guest-job.ts';

export const CHANNEL = 'work';
/** A quick command is answered in milliseconds; a lost one is sent again after this. */
const TRY_MS = 2000;
const ANSWER_MS = 30_000;
const VERIFY_MS = 180_000;
/** Booting under emulation on a shared core takes a few seconds. */
const BOOT_MS = 90_000;

export type GuestStatus = { load: number; filled: number; work: number; bad: number };
/** What a guest said in passing, and out of which of the run directories. `boot`: other after each boot of the guest. */
export type Glance = { runDir: string; boot: string; work: number; bad: number };

type Waiting = { wanted: (line: string) => boolean; resolve(line: string | undefined): void };

export class GuestPort {
  readonly vm: string;
  readonly #runDirs: string[];
  readonly #sockets = new Map<string, Socket>();
  readonly #listeners = new Set<(line: string) => void>();
  readonly #glances = new Map<number, (glance: Glance | undefined) => void>();
  #asked = 0;
  #waiting: Waiting | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #look: NodeJS.Timeout | undefined;

  constructor(vm: string, runDirs: string[]) {
    this.vm = vm;
    this.#runDirs = runDirs;
  }

  /** Every line that is no answer: ticks. Looks for the VM's new place all the time from now on. */
  onLine(listener: (line: string) => void): () => void {
    this.#listeners.add(listener);
    this.#look ??= setInterval(() => this.#connect(), 5).unref();
    return () => this.#listeners.delete(listener);
  }

  /** Waits until the workload answers after the boot. */
  async ready(): Promise<void> {
    await this.#ask('status', BOOT_MS, TRY_MS, line => line.startsWith('ok status'));
  }

  /** One command; rejects when the guest refuses it. */
  async command(line: string, timeoutMs = ANSWER_MS): Promise<string> {
    const word = line.split(' ')[0] ?? '';
    const tryMs = word === 'fill' ? timeoutMs : TRY_MS;
    const wanted = (said: string) => said.startsWith(`ok ${word}`) || isRefusal(said, line);
    const answer = await this.#ask(line, timeoutMs, tryMs, wanted);
    if (answer.startsWith('error')) throw this.#refused(answer);
    return answer;
  }

  async status(): Promise<GuestStatus> {
    const answer = await this.command('status');
    const field = (name: string) => Number(new RegExp(`\\b${name}=(\\d+)`).exec(answer)?.[1] ?? Number.NaN);
    return { load: field('load'), filled: field('filled'), work: field('work'), bad: field('bad') };
  }

  /**
   * Asks for the status beside whatever command is under way, once. Undefined when no answer to this very question came
   * in time: the guest stands, waits for a page or boots, or the question fell into the gap of a switch.
   */
  async glance(timeoutMs: number): Promise<Glance | undefined> {
    const ask = ++this.#asked;
    let timer: NodeJS.Timeout | undefined;
    this.#connect();
    try {
      return await new Promise(resolve => {
        timer = setTimeout(() => resolve(undefined), timeoutMs);
        this.#glances.set(ask, resolve);
        this.#send(`status ${ask}`);
      });
    } finally {
      clearTimeout(timer);
      this.#glances.delete(ask);
    }
  }

  /** Lets the guest check every filled page, taking `dutyPercent` of a CPU. Resolves to the number of bad ones. */
  async verify(dutyPercent = 10): Promise<number> {
    const answer = await this.#ask(`verify ${dutyPercent}`, VERIFY_MS, VERIFY_MS, line =>
      /^bad \d+ of \d+/.test(line),
    );
    return Number(/^bad (\d+)/.exec(answer)?.[1]);
  }

  /**
   * Starts a job of the guest's root disk, anew if it is over. Rejects when it runs or the disk has none of that name.
   * A job starts once however often it is asked for, so that a lost answer costs nothing.
   */
  async startJob(name: string): Promise<void> {
    const { state } = await this.job(name);
    if (state === 'running') throw new ShoalError('SHOAL_LAB_GUEST', 'runs already', `job ${name}`, '');
    if (state === 'done') await this.stopJob(name);
    const answer = await this.#onJob(name, 'start');
    // It was not before the question: the first answer to this very line got lost.
    if (answer.startsWith('error') && !answer.includes('was started already')) throw this.#refused(answer);
  }

  async job(name: string): Promise<Job> {
    const ask = ++this.#asked;
    const line = `job ${name} status ${ask}`;
    const wanted = (said: string) => parseJob(said, name, ask) !== undefined || isRefusal(said, line);
    const answer = await this.#ask(line, ANSWER_MS, TRY_MS, wanted);
    const job = parseJob(answer, name, ask);
    if (!job) throw this.#refused(answer);
    return job;
  }

  /** Ends it with all that it started; resolves when it is gone. One that is over is forgotten. */
  async stopJob(name: string): Promise<void> {
    const answer = await this.#onJob(name, 'stop');
    if (answer.startsWith('error')) throw this.#refused(answer);
  }

  #onJob(name: string, action: 'start' | 'stop'): Promise<string> {
    const line = `job ${name} ${action}`;
    return this.#ask(line, ANSWER_MS, TRY_MS, said => said === `ok ${line}` || isRefusal(said, line));
  }

  #refused(answer: string): ShoalError {
    return new ShoalError('SHOAL_LAB_GUEST', answer, this.vm, '');
  }

  close(): void {
    clearInterval(this.#look);
    for (const resolve of this.#glances.values()) resolve(undefined);
    for (const socket of this.#sockets.values()) socket.destroy();
    this.#sockets.clear();
  }

  #ask(line: string, timeoutMs: number, tryMs: number, wanted: (line: string) => boolean): Promise<string> {
    const asked = this.#turn.then(async () => {
      const untilMs = Date.now() + timeoutMs;
      while (Date.now() < untilMs) {
        this.#connect();
        const answer = await this.#once(line, Math.min(tryMs, untilMs - Date.now()), wanted);
        if (answer !== undefined) return answer;
        await sleep(20);
      }
      throw new ShoalError('SHOAL_LAB_GUEST', `no answer to "${line}" in ${timeoutMs} ms`, this.vm, '');
    });
    this.#turn = asked.catch(() => undefined);
    return asked;
  }

  #once(line: string, timeoutMs: number, wanted: (line: string) => boolean): Promise<string | undefined> {
    if (this.#sockets.size === 0) return Promise.resolve(undefined);
    return new Promise(resolve => {
      const timer = setTimeout(() => this.#waiting?.resolve(undefined), timeoutMs);
      this.#waiting = {
        wanted,
        resolve: answer => {
          clearTimeout(timer);
          this.#waiting = undefined;
          resolve(answer);
        },
      };
      this.#send(line);
    });
  }

  /** Begins with a line end: a part of a line that moved inside the serial port of a VM does not spoil this one. */
  #send(line: string): void {
    for (const socket of this.#sockets.values()) socket.write(`\n${line}\n`);
  }

  #connect(): void {
    for (const dir of this.#runDirs) {
      const path = join(dir, 'vms', this.vm, `ch-${CHANNEL}.sock`);
      if (this.#sockets.has(path) || !existsSync(path)) continue;
      const socket = connect(path);
      this.#sockets.set(path, socket);
      socket.setEncoding('latin1');
      socket.on('error', () => undefined); // `close` follows
      socket.on('close', () => {
        this.#sockets.delete(path);
        // A question that was only asked there is asked again.
        if (this.#sockets.size === 0) this.#waiting?.resolve(undefined);
      });
      let buffer = '';
      socket.on('data', (text: unknown) => {
        buffer += String(text);
        for (let end = buffer.indexOf('\n'); end >= 0; end = buffer.indexOf('\n')) {
          const said = buffer.slice(0, end).trim();
          buffer = buffer.slice(end + 1);
          if (said) this.#heard(said, dir);
        }
      });
    }
  }

  #heard(line: string, runDir: string): void {
    const glanced = parseGlance(line, runDir);
    if (glanced) this.#glances.get(glanced.ask)?.(glanced);
    else if (this.#waiting?.wanted(line)) this.#waiting.resolve(line);
    else for (const listener of this.#listeners) listener(line);
  }
}

/** The guest repeats so much of a line that it refuses (workload/src/command.rs): others' refusals are not its answer. */
const isRefusal = (said: string, line: string): boolean => said.startsWith(`error ${line.slice(0, 60)}:`);

/** Undefined for any other line than the whole answer to a numbered status. Pure. */
export function parseGlance(line: string, runDir: string): (Glance & { ask: number }) | undefined {
  const found = /^ok status ask=(\d+) boot=(\S+) .*\bwork=(\d+) bad=(\d+) .*\bticks=\d+/.exec(line);
  if (!found) return undefined;
  const [, ask, boot = '', work, bad] = found;
  return { ask: Number(ask), runDir, boot, work: Number(work), bad: Number(bad) };
}
