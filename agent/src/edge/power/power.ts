/**
 * This node's power and what it knows of its peers': the pure machines of `core/power`, and the world (docs/decisions/0026).
 * Asked once a period, and whenever an answer comes.
 */
import { asleepEntry, asleepKey } from '../../core/power/entry.ts';
import { judgeFarewell } from '../../core/power/judge-farewell.ts';
import { type Asked, type OwnEffect, OwnPower } from '../../core/power/own.ts';
import { type PeerEffect, PeerPower } from '../../core/power/peers.ts';
import type { PowerState } from '../../core/power/table.ts';
import { cordonKey } from '../../core/registers/keys.ts';
import { cordoned } from '../../core/registers/read.ts';
import { ShoalError } from '../../errors.ts';
import type { PowerDeps, PowerOptions } from './deps.ts';
import { Farewells } from './farewells.ts';
import { SleptTime } from './slept.ts';
import { TEST_WAKE_AFTER_MS } from './supervised.ts';
import { suspendMachine } from './suspending.ts';
import { type Call, Wakes } from './wakes.ts';

export class Power {
  readonly #options: PowerOptions;
  readonly #deps: PowerDeps;
  readonly #own: OwnPower;
  readonly #peers: PeerPower;
  readonly #farewells: Farewells;
  readonly #wakes: Wakes;
  readonly #slept: SleptTime;
  /** Calls that ended with their node awake, until it says of which life it is. */
  readonly #ended = new Map<string, Call>();
  #stopped = false;
  #isOver = false;

  constructor(options: PowerOptions, deps: PowerDeps) {
    this.#options = options;
    this.#deps = deps;
    const { registers, mesh, newId, log, clock, ports } = deps;
    this.#own = new OwnPower(options.own);
    this.#peers = new PeerPower(options.peers);
    this.#wakes = new Wakes({ methods: ports.methods, clock, log });
    this.#slept = new SleptTime(clock, ports.bootMs);
    this.#farewells = new Farewells({
      ...{ registers, mesh, newId, log },
      judge: (sleeper, entry, isManual) =>
        judgeFarewell(sleeper, entry, isManual, {
          ...deps.truth(sleeper),
          self: registers.self,
          state: this.#own.state,
          decision: deps.decision(sleeper),
        }),
      canWake: ports.canWake,
      wakeLater: (node, afterMs) =>
        void clock.after(afterMs, () => !this.#stopped && this.wake(node), 'idle'),
      answered: (peer, yes, canWake, detail) => {
        this.#own.answered(peer, yes, canWake, detail);
        this.#tickOwn();
      },
      yields: () => this.#apply(this.#own.yields(clock.nowMs())),
    });
  }

  /** What an earlier life of this node said of its sleep is over; what it knew of its peers' is not. */
  async open(): Promise<void> {
    await this.#farewells.withdraw();
    await this.#deps.supervised.open();
    for (const { id } of this.#deps.registers.members()) this.#readEntry(id);
    await this.#farewells.open();
  }

  /** An earlier life of this node went to sleep. */
  get wasAsleep(): boolean {
    const { registers } = this.#deps;
    return registers.get(asleepKey(registers.self)).value !== '';
  }

  get state(): PowerState {
    return this.#own.state;
  }

  /** Nothing new is to begin here. */
  get closed(): boolean {
    return this.#own.closed;
  }

  stateOf(node: string): PowerState {
    return node === this.#deps.registers.self ? this.#own.state : this.#peers.stateOf(node);
  }

  /** For the rule's view; one that a person has cordoned is not to be woken for a VM. */
  asleep(): (ReturnType<PeerPower['asleep']>[number] & { cordoned: boolean })[] {
    const { registers } = this.#deps;
    return this.#peers
      .asleep()
      .map(one => ({ ...one, cordoned: cordoned(registers.get(cordonKey(one.node)).value) }));
  }

  registersChanged(keys: readonly string[]): void {
    for (const key of keys) {
      const node = key.slice(asleepKey('').length);
      if (key === asleepKey(node)) this.#readEntry(node);
    }
  }

  /** A report of a peer was taken into the view. */
  heard(node: string, incarnation: number): void {
    const { clock, woken } = this.#deps;
    this.#applyPeers(this.#peers.hello(node, incarnation, clock.nowMs()));
    const ended = this.#ended.get(node);
    if (!ended) return;
    this.#ended.delete(node);
    // A later life, and a request that was taken: whoever pressed a button meanwhile tells nobody.
    if (incarnation > ended.incarnation && ended.method !== '')
      woken(node, ended.incarnation, (clock.nowMs() - ended.startedAtMs) / 1000, ended.method);
  }

  removed(node: string): void {
    this.#wakes.end(node);
    this.#peers.forget(node);
  }

  /** Something is to run here: a farewell that is out is taken back. Throws SHOAL_SLEEP_BUSY when it is too late for that. */
  needed(why: string): void {
    if (this.#own.state === 'asleep')
      throw new ShoalError(
        'SHOAL_SLEEP_BUSY',
        'this node is about to sleep',
        why,
        'Ask another node, or wake this one',
      );
    this.#apply(this.#own.needed(this.#deps.clock.nowMs(), why));
  }

  /** A person wants a peer awake. False: it does not sleep, or too many wakes have just begun. */
  wake(node: string): boolean {
    const effects = this.#peers.wake(node, true, this.#deps.clock.nowMs());
    this.#applyPeers(effects);
    return effects.length > 0;
  }

  /** A person wants this node asleep. False: it is about to. */
  sleep(asked: Asked): boolean {
    const effects = this.#own.ask(asked, this.#deps.clock.nowMs());
    this.#apply(effects);
    this.#tickOwn();
    return effects.length > 0;
  }

  /** One period. */
  tick(): void {
    if (this.hasSlept()) return;
    this.#deps.supervised.tick();
    const { clock, decision, acts, owns } = this.#deps;
    if (acts())
      for (const { node, vm } of decision().wake)
        if (owns(vm)) this.#applyPeers(this.#peers.wake(node, false, clock.nowMs()));
    this.#applyPeers(this.#peers.tick(clock.nowMs()));
    // An entry that could not be taken back is tried again: peers would take this node for asleep.
    if (this.#own.state === 'awake' && this.wasAsleep) this.#do('withdraw', 'awake');
    this.#tickOwn();
  }

  /** True when this life is over since the machine slept: what came before, and waited in a socket, is not to be done now. */
  hasSlept(): boolean {
    const sleptMs = this.#slept.look();
    if (sleptMs > 0) {
      this.#isOver = true;
      // Sent to sleep by somebody else. What this node was about to do by itself has its own way back.
      if (this.#own.state !== 'asleep') void this.#awake(sleptMs / 1000);
    }
    return this.#isOver;
  }

  /** An entry that is out is taken back: the machine goes on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wakes.stop();
    if (this.#own.state !== 'announcing') return;
    const { log } = this.#deps;
    await this.#farewells.withdraw().catch(error => log.warn({ error: String(error) }, 'a farewell stays'));
  }

  #tickOwn(): void {
    if (this.#stopped || this.hasSlept()) return;
    const { registers, clock, decision, acts, empty, trusted, ports } = this.#deps;
    const mayAct = ports.suspend !== undefined && trusted() && acts();
    const members = registers.members().map(m => m.id);
    this.#apply(
      this.#own.tick({
        nowMs: clock.nowMs(),
        listed: mayAct && decision().suspend.includes(registers.self),
        empty: empty(),
        members: members.filter(id => id !== registers.self && this.#peers.stateOf(id) === 'awake'),
      }),
    );
  }

  #readEntry(node: string): void {
    const { registers, clock, incarnationOf } = this.#deps;
    if (node === registers.self) return;
    const entry = asleepEntry(registers.get(asleepKey(node)).value);
    const isOld = entry !== undefined && incarnationOf(node) > entry.incarnation;
    this.#applyPeers(this.#peers.entry(node, isOld ? undefined : entry, clock.nowMs()));
  }

  #apply(effects: readonly OwnEffect[]): void {
    for (const { effect, why } of effects) this.#do(effect, why);
  }

  #do(effect: OwnEffect['effect'], why: string): void {
    const { log, changed, endLife, registers, ownEntry } = this.#deps;
    const failed = (what: string) => (error: unknown) => {
      log.error({ error: String(error) }, `${what} failed`);
      this.#apply(this.#own.needed(this.#deps.clock.nowMs(), `${what} failed`));
    };
    if (effect === 'close') log.info({ event: 'power' }, `this node is to sleep: ${why}`);
    if (effect === 'open') log.info({ event: 'power' }, `this node stays awake: ${why}`);
    if (effect === 'close' || effect === 'open') changed();
    if (effect === 'farewell') {
      const members = registers.members().map(m => m.id);
      const asked = members.filter(id => id !== registers.self && this.#peers.stateOf(id) === 'awake');
      const isManual = this.#own.asked !== undefined;
      const wakeAfterMs = this.#own.asked?.test ? TEST_WAKE_AFTER_MS : 0;
      this.#farewells.say(ownEntry(), { isManual, wakeAfterMs }, asked).catch(failed('a farewell'));
    }
    if (effect === 'withdraw') this.#farewells.withdraw().catch(failed('to take a farewell back'));
    if (effect === 'suspend') void this.#suspend(why);
    if (effect === 'end-life') endLife(why);
  }

  async #suspend(why: string): Promise<void> {
    const { ports, log, clock, supervised, empty } = this.#deps;
    const isTest = this.#own.asked?.test === true;
    log.info({ event: 'power' }, `this node goes to sleep: ${why}`);
    const { alarmS } = this.#options;
    const isEmpty = () => !this.#stopped && empty();
    const ended = await suspendMachine({ ports, supervised, log, empty: isEmpty, alarmS, isTest });
    if (this.#stopped) return;
    // Whatever the driver makes of it: what the clocks have seen ends this life.
    if ('seconds' in ended || this.#isOver) return this.#awake('seconds' in ended ? ended.seconds : 0);
    this.#apply(this.#own.notSuspended(clock.nowMs(), ended.why));
  }

  /** After a sleep: what only this life knows of it is written down, then this life ends. */
  async #awake(seconds: number): Promise<void> {
    const { sleptFor, supervised, log, clock } = this.#deps;
    try {
      await supervised.slept(seconds);
      await sleptFor(seconds);
    } catch (error) {
      log.error({ error: String(error), seconds }, 'a sleep could not be written down');
    }
    this.#apply(this.#own.slept(clock.nowMs()));
  }

  #applyPeers(effects: readonly PeerEffect[]): void {
    const { log, registers, changed } = this.#deps;
    for (const { effect, node, words } of effects) {
      if (effect === 'say') log.info({ event: 'power', node }, words);
      if (effect === 'call') {
        const entry = this.#peers.asleep().find(one => one.node === node)?.entry;
        // By its own name, as power.wake has it.
        const name = entry?.name || registers.members().find(m => m.id === node)?.name || node;
        log.info({ event: 'power', node }, `${name} is called`);
        this.#wakes.begin(node, name, entry?.incarnation ?? 0);
        changed();
      }
      if (effect === 'hang-up') {
        const call = this.#wakes.of(node);
        this.#wakes.end(node);
        // The node's next report tells whether that woke it, or its old life has thought again.
        if (call && this.#peers.stateOf(node) === 'awake') this.#ended.set(node, call);
      }
    }
  }
}
