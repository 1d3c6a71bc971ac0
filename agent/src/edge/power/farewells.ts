/** Farewells between nodes: this node's own to every member, and those of others, each with one answer. */
import { decodePower, encodePower, type Farewell, type PowerMessage } from '@shoal/protocol';
import { type AsleepEntry, asleepEntry, asleepKey, entryValue } from '../../core/power/entry.ts';
import type { FarewellVerdict } from '../../core/power/judge-farewell.ts';
import type { Logger } from '../log.ts';
import type { Mesh } from '../mesh/types.ts';
import type { Registers } from '../registers/registers.ts';

export type FarewellsDeps = {
  registers: Registers;
  mesh: Pick<Mesh, 'power' | 'blame'>;
  newId(): string;
  log: Logger;
  /** This node's verdict on another one's wish. */
  judge(sleeper: string, entry: AsleepEntry | undefined, isManual: boolean): FarewellVerdict;
  /** Of a member, to the farewell that is out. */
  answered(peer: string, yes: boolean, canWake: boolean, detail: string): void;
  /** This node knows a way to wake that one. */
  canWake(name: string): boolean;
  /** A supervised test: it is to be woken then. */
  wakeLater(node: string, afterMs: number): void;
  /** This node's own farewell is taken back for another one's. */
  yields(): void;
};

export class Farewells {
  readonly #deps: FarewellsDeps;
  #request = '';
  /** What is written of the entry, one after the other: taken back is taken back, also while it is being written. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(deps: FarewellsDeps) {
    this.#deps = deps;
  }

  open(): Promise<void> {
    return this.#deps.mesh.power.open((peer, frame) => this.#hear(peer, frame));
  }

  /** Resolves when it is on this node's disk and on its way to all of them. */
  async say(
    entry: AsleepEntry,
    { isManual, wakeAfterMs }: { isManual: boolean; wakeAfterMs: number },
    members: readonly string[],
  ): Promise<void> {
    const { registers, newId, answered } = this.#deps;
    const key = asleepKey(registers.self);
    const request = newId();
    this.#request = request;
    await this.#inTurn(() => registers.write(key, entryValue(entry)));
    const held = registers.table.get(key);
    // It was taken back meanwhile.
    if (!held || this.#request !== request) return;
    const told = registers.told(held);
    const farewell: Farewell = { type: 'farewell', request, isManual, wakeAfterMs, entry: told };
    for (const peer of members)
      void this.#send(peer, farewell).then(
        sent =>
          !sent && this.#request === request && answered(peer, false, false, `${peer} cannot be reached`),
      );
  }

  /** The entry says nothing any more: this node is awake. */
  async withdraw(): Promise<void> {
    this.#request = '';
    const { registers } = this.#deps;
    const key = asleepKey(registers.self);
    await this.#inTurn(async () => {
      if (registers.get(key).value !== '') await registers.write(key, '');
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {});
    return mine;
  }

  #hear(peer: string, frame: Uint8Array): void {
    const { log, mesh, answered } = this.#deps;
    const decoded = decodePower(frame);
    if (!decoded.ok) {
      log.warn({ peer, fault: decoded.fault }, 'frame refused: no message about power');
      mesh.blame(peer);
      return;
    }
    const message = decoded.value;
    if (message.type === 'farewell') {
      this.#judge(peer, message).catch(error =>
        log.error({ peer, error: String(error) }, 'a farewell could not be answered'),
      );
    } else if (message.request === this.#request)
      answered(peer, message.yes, message.canWake, message.detail);
  }

  async #judge(peer: string, { request, isManual, wakeAfterMs, entry }: Farewell): Promise<void> {
    const { registers, judge, log, yields, canWake, wakeLater } = this.#deps;
    const refuse = (code: string, detail: string) => {
      log.info({ peer, code }, `another node may not sleep: ${detail}`);
      return this.#send(peer, { type: 'farewell-answer', request, yes: false, canWake: false, code, detail });
    };
    const { ageMs, ...register } = entry;
    if (register.key !== asleepKey(peer) || register.author !== peer)
      return void (await refuse('entry', 'the entry is not its own'));
    const would = registers.wouldTake(register);
    if (would !== 'new' && would !== 'known')
      return void (await refuse('entry', `its entry is ${would} here`));
    const said = asleepEntry(register.value);
    const verdict = judge(peer, said, isManual);
    if (!verdict.yes) return void (await refuse(verdict.code, verdict.detail));
    if (verdict.yield) yields();
    registers.take(entry);
    // A yes means that this node knows, also after its own next start.
    await registers.onDisk(register.key);
    const knows = canWake(said?.name ?? '');
    if (knows && wakeAfterMs > 0) wakeLater(peer, wakeAfterMs);
    await this.#send(peer, {
      type: 'farewell-answer',
      request,
      yes: true,
      canWake: knows,
      code: '',
      detail: '',
    });
  }

  #send(peer: string, message: PowerMessage): Promise<boolean> {
    return this.#deps.mesh.power.send(peer, encodePower(message)).then(
      () => true,
      error => {
        this.#deps.log.debug({ peer, error: String(error) }, `${message.type} not sent`);
        return false;
      },
    );
  }
}
