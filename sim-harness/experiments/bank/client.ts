/**
 * Users of the banks, as many at a time as the plan says. Each has one connection, asks for a page, and for the next one after
 * thinking. The loop is closed, as users are: who waits asks for nothing. Times count from when a page was due to be asked for, so
 * that a client which comes late itself does not make answers look faster; how late it came is told.
 */
import { Agent, request } from 'node:http';
import { type Clock, sleep } from '@shoal/agent/edge/clock';
import { Random } from '../../chaos/random.ts';
import { session, thinkMs } from './mix.ts';
import { type BankPlan, seedOf, sessionsAt, type VmLoad } from './plan.ts';
import { type Request, requestOf, USERS } from './requests.ts';
import { DEADLINE_MS, type Response } from './scores.ts';

export type ClientSpec = {
  plan: BankPlan;
  /** By VM, `http://198.18.0.100:80`. */
  origins: Record<string, string>;
  cost: number;
  /** On the clock of the whole machine. */
  zeroMs: number;
  /** Default 30 s. */
  deadlineMs?: number;
};

/** How late timers were: of this process' own, on a machine that is busy. */
export type Lag = { maxMs: number; meanMs: number };

type Answer = { status: number; cookie: string; error?: string };
/** One after another, users sit down here. */
type Seat = { load: VmLoad; origin: string; nextSeed: () => number };

export class Client {
  readonly #spec: ClientSpec;
  readonly #clock: Clock;
  readonly #heard: (response: Response) => void;
  readonly #lag = { maxMs: 0, sumMs: 0, count: 0 };

  constructor(spec: ClientSpec, clock: Clock, heard: (response: Response) => void) {
    this.#spec = spec;
    this.#clock = clock;
    this.#heard = heard;
  }

  get lag(): Lag {
    const { maxMs, sumMs, count } = this.#lag;
    return { maxMs: rounded(maxMs), meanMs: rounded(count > 0 ? sumMs / count : 0) };
  }

  /** Until the last one who asked in time has an answer, or gave up waiting for it. */
  async run(): Promise<void> {
    await Promise.all(this.#spec.plan.vms.map((load, index) => this.#bank(load, index)));
  }

  async #bank(load: VmLoad, index: number): Promise<void> {
    const origin = this.#spec.origins[load.vm];
    if (!origin) throw new Error(`assertion failed: nobody said where ${load.vm} is`);
    let serial = 0;
    const seat: Seat = { load, origin, nextSeed: () => seedOf(this.#spec.plan.seed, index, serial++) };
    const taken = new Map<number, Promise<void>>();
    for (const { atMs, sessions } of load.steps) {
      if (!(await this.#until(atMs))) break;
      for (let i = 0; i < sessions; i++) {
        if (taken.has(i)) continue;
        taken.set(
          i,
          this.#sit(seat, i).finally(() => taken.delete(i)),
        );
      }
    }
    await Promise.all(taken.values());
  }

  /** While the plan has that many seats. */
  async #sit(seat: Seat, number: number): Promise<void> {
    while (number < sessionsAt(seat.load.steps, this.#atMs())) {
      const chance = new Random(seat.nextSeed());
      const left = await this.#visit(seat, chance);
      // At the end of the plan somebody still sits there.
      if (left === 'over') return;
      // Who gets no answer goes away, and the next one comes later: else a bank that is shut would be stormed.
      if (left === 'in anger' && !(await this.#until(this.#atMs() + thinkMs(chance.fraction())))) return;
    }
  }

  /** One user, from login until going away. */
  async #visit({ load: { vm }, origin }: Seat, chance: Random): Promise<'content' | 'in anger' | 'over'> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const user = chance.whole(0, USERS - 1);
    let cookie = '';
    try {
      for (const { page, waitMs } of session(chance)) {
        const dueMs = this.#atMs() + waitMs;
        if (!(await this.#until(dueMs))) return 'over';
        const asked = requestOf(page, user, this.#spec.cost);
        const answer = await this.#ask(agent, origin, asked, cookie, dueMs);
        const { status, error } = answer;
        const ms = rounded(this.#atMs() - dueMs);
        this.#heard({ atMs: rounded(dueMs), vm, page, ms, status, ...(error !== undefined && { error }) });
        if (status !== 200) return 'in anger';
        cookie ||= answer.cookie;
      }
      return 'content';
    } finally {
      agent.destroy();
    }
  }

  /** Never rejects. */
  #ask(agent: Agent, origin: string, asked: Request, cookie: string, dueMs: number): Promise<Answer> {
    const { method, path, body } = asked;
    const headers = {
      ...(cookie && { cookie }),
      ...(method === 'POST' && {
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': Buffer.byteLength(body),
      }),
    };
    return new Promise(resolve => {
      const end = (answer: Answer) => {
        callOff();
        resolve(answer);
      };
      const fail = (error: Error) => end({ status: 0, cookie: '', error: error.message });
      const sent = request(`${origin}${path}`, { method, headers, agent }, answer => {
        const [set = ''] = answer.headers['set-cookie'] ?? [];
        answer.on('error', fail);
        answer.on('end', () => end({ status: answer.statusCode ?? 0, cookie: set.split(';')[0] ?? '' }));
        answer.resume();
      });
      const { deadlineMs = DEADLINE_MS } = this.#spec;
      const leftMs = dueMs + deadlineMs - this.#atMs();
      const callOff = this.#clock.after(leftMs, () =>
        sent.destroy(new Error(`no answer in ${deadlineMs} ms`)),
      );
      sent.on('error', fail);
      sent.end(body);
    });
  }

  #atMs(): number {
    return this.#clock.nowMs() - this.#spec.zeroMs;
  }

  /** False, and at once, when that is after the end. */
  async #until(atMs: number): Promise<boolean> {
    if (atMs >= this.#spec.plan.untilMs) return false;
    if (this.#atMs() >= atMs) return true;
    // A timer may fire a fraction of a millisecond early.
    while (this.#atMs() < atMs) await sleep(this.#clock, Math.ceil(atMs - this.#atMs()));
    const lateMs = this.#atMs() - atMs;
    this.#lag.maxMs = Math.max(this.#lag.maxMs, lateMs);
    this.#lag.sumMs += lateMs;
    this.#lag.count++;
    return true;
  }
}

const rounded = (ms: number): number => Number(ms.toFixed(1));
