/**
 * One handoff, wherever it is known. The node that was asked for the move need not take part in it: then its source or its
 * target is asked, over its HTTP, for reads; and where neither answers, what the asked node hears of it from their
 * reports has to do.
 */
import { NO_FIGURES } from '../edge/handoff/figures.ts';
import type { ClusterStatus, HandoffStatus, Moving } from '../edge/http/api.types.ts';
import { ShoalError } from '../errors.ts';
import type { Answer } from './client.ts';
import { ANSWER_MAX_MS, readsOf } from './reads-of.ts';
import type { Shell } from './shell.ts';

/** Of a handoff of which nothing was heard yet. */
const ASKED_FOR = 'asked for';
/** A node that did not answer is left alone for so long. */
const AGAIN_MS = 5000;
/** Reports come every second: one that still tells of a handoff, or of a VM's new place, would be here by then. */
const HEARD_MS = 10_000;

export class HandoffView {
  readonly #shell: Shell;
  readonly #moving: Moving;
  readonly #vm: string;
  readonly #path: string;
  #isElsewhere = false;
  /** The last that anybody said. */
  #last: HandoffStatus | undefined;
  #unheardSinceMs = -1;
  readonly #notBeforeMs = new Map<string, number>();
  #fits: ((value: unknown) => boolean) | undefined;

  /** `vm`: its name or UUID, as the move was asked for. */
  constructor(shell: Shell, vm: string, moving: Moving) {
    this.#shell = shell;
    this.#vm = vm;
    this.#moving = moving;
    this.#path = `/v1/handoffs/${encodeURIComponent(moving.handoff)}`;
  }

  /** How it stands now. Rejects when the asked node does not answer, or refuses. */
  async look(): Promise<Answer<HandoffStatus>> {
    const own = this.#isElsewhere ? undefined : await this.#own();
    if (own) return own;
    this.#isElsewhere = true;
    const { source = '', node } = this.#moving;
    const answer = (await this.#askedOf(source)) ?? (await this.#askedOf(node)) ?? (await this.#heard());
    this.#last = answer.value;
    return answer;
  }

  /** Undefined when the asked node takes no part in it. */
  async #own(): Promise<Answer<HandoffStatus> | undefined> {
    try {
      return await this.#shell.client.get<HandoffStatus>(this.#path, 'object');
    } catch (error) {
      if (error instanceof ShoalError && error.code === 'SHOAL_HANDOFF_UNKNOWN') return undefined;
      throw error;
    }
  }

  async #askedOf(name: string): Promise<Answer<HandoffStatus> | undefined> {
    if (name === '' || this.#shell.now() < (this.#notBeforeMs.get(name) ?? 0)) return undefined;
    try {
      const client = await readsOf(this.#shell, name);
      const answer = await client.get<HandoffStatus>(this.#path, 'object', ANSWER_MAX_MS);
      this.#fits ??= await handoffCheck();
      if (this.#fits(answer.value) && answer.value.handoff === this.#moving.handoff) return answer;
    } catch {
      // The other one, or what is heard, has to do.
    }
    this.#notBeforeMs.set(name, this.#shell.now() + AGAIN_MS);
    return undefined;
  }

  /** By the reports of the nodes that take part, as they reach the asked one: without figures. */
  async #heard(): Promise<Answer<HandoffStatus>> {
    const { value: status } = await this.#shell.client.get<ClusterStatus>('/v1/status', 'object');
    const row = status.handoffs.find(h => h.handoff === this.#moving.handoff);
    if (row) this.#unheardSinceMs = -1;
    else if (this.#unheardSinceMs < 0) this.#unheardSinceMs = this.#shell.now();
    const value = row ?? this.#concluded(status);
    return { value, text: JSON.stringify(value) };
  }

  /** Nobody tells of it (any more): it has ended when the VM is told of at one place. */
  #concluded({ vms, handoffs, node: asked }: ClusterStatus): HandoffStatus {
    const { source = '', node } = this.#moving;
    const found = vms.filter(v => v.name === this.#vm || v.vm === this.#vm);
    const [vm] = found;
    const last = this.#last ?? unheard(this.#moving, this.#vm);
    const isSettled = found.length === 1 && !vm?.stale && !handoffs.some(h => h.vm === vm?.vm);
    if (!vm || !isSettled) return last;
    if (vm.node === node) return { ...last, outcome: 'done', inDoubt: false };
    if (this.#shell.now() - this.#unheardSinceMs < HEARD_MS) return last;
    const detail = `${asked} hears of no handoff of it any more, and that it is on ${vm.node}`;
    return { ...last, source: source || vm.node, outcome: 'aborted', inDoubt: false, detail };
  }
}

const NEVER = {
  ...{ decided: -1, offered: -1, accepted: -1, listening: -1, migrate: -1, stopped: -1 },
  ...{ postmigrate: -1, committed: -1, run: -1, resumed: -1, transferred: -1, ended: -1 },
};

const unheard = ({ handoff, source = '', node }: Moving, vm: string): HandoffStatus => ({
  ...NO_FIGURES,
  ...{ handoff, vm, name: vm, source, target: node, role: 'observer', engine: 'postcopy' },
  ...{ reason: 'manual', relocation: '', stage: ASKED_FOR, inDoubt: false, outcome: '', detail: '' },
  at: NEVER,
});

/** Whether somebody knows by which engine, besides those who asked for it. */
export const isHeardOf = ({ stage }: HandoffStatus): boolean => stage !== ASKED_FOR;

/** Any member says where its HTTP is, and may answer anything there. Loaded when there is something to hold against it. */
async function handoffCheck(): Promise<(value: unknown) => boolean> {
  const [{ Ajv }, { HandoffStatus }] = await Promise.all([
    import('ajv'),
    import('../edge/http/answers-handoff.ts'),
  ]);
  return new Ajv({ strict: false }).compile(HandoffStatus);
}
