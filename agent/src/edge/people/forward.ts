/**
 * A change of a VM that is on another node: asked there, by the token of whoever asks here. The other node believes
 * nothing of this one: it judges the proof, the role, the pace and the change itself (authority.md, People).
 */
import { ACTIONS, type Action, type ActionAnswer, Bad, decodeAction, encodeAction } from '@shoal/protocol';
import { LINES, Rates } from '../../core/rate.ts';
import { ERROR_CODES } from '../../error-codes.ts';
import { ShoalError } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import type { AgentApi, VmStatus } from '../http/api.types.ts';
import type { Log, PeopledMesh } from '../mesh/types.ts';
import type { PageWishes } from '../pages/types.ts';
import { busy, EMPTY, inside, refusal } from './action-answers.ts';
import type { People } from './people.ts';
import type { Person } from './person.ts';

/** What a VM's node is to do; as it travels. */
type VmChange = Pick<Action, 'action' | 'node' | 'engine' | 'dry'>;

/** What an action between nodes has no field for, and by which option it was asked for. */
const WISHES: Record<keyof PageWishes, readonly [what: string, option?: string]> = {
  order: ['order of its pages'],
  compression: ['compression of its pages', '--compression'],
  bulkBytesPerSecond: ['bandwidth of its pages', '--bandwidth'],
  bulkWindowBytes: ['window of its pages'],
  earlyRelease: ['early release of its memory', '--early-release'],
};
const ENGINES: readonly string[] = ['postcopy', 'precopy', ''] satisfies Action['engine'][];

export type ForwardDeps = {
  people: People;
  api: AgentApi;
  mesh: Pick<PeopledMesh, 'actions' | 'onPeer'>;
  newId(): string;
  clock: Clock;
  log: Log;
};

/** Somewhat less than the command waits; a guest has 15 s to power down, a VMM 20 s to start. */
const ANSWER_MS = 55_000;
/** Changes that one peer may have under way here: more is no person behind it. */
const UNDER_WAY_MAX = 16;

type Waiting = { peer: string; answer(answer: ActionAnswer): void; lost(why: string): void };

export const isForwardable = (action: string): action is Action['action'] =>
  (ACTIONS as readonly string[]).includes(action);

export class Forward {
  readonly #deps: ForwardDeps;
  readonly #waiting = new Map<string, Waiting>();
  readonly #underWay = new Map<string, number>();
  readonly #lines = new Rates(LINES.burst, LINES.perSecond);

  constructor(deps: ForwardDeps) {
    this.#deps = deps;
  }

  start(): Promise<void> {
    const { mesh } = this.#deps;
    mesh.onPeer((peer, change) => {
      if (change === 'up') return;
      for (const waiting of this.#waiting.values()) if (waiting.peer === peer) waiting.lost('went away');
    });
    return mesh.actions.open((peer, frame) => this.#hear(peer, frame));
  }

  /** Whom to ask for a change of a VM that another node has, and how; undefined when it is this node's to judge. */
  route(
    person: Person,
    action: Action['action'],
    name: string,
    dry: boolean,
    body: unknown,
  ): { to: { node: string; request: string }; ask(): Promise<unknown> } | undefined {
    const { vms, nodeId, handoffs } = this.#deps.api.status();
    const named = (h: { name: string; vm: string }) => h.name === name || h.vm === name;
    // A handoff can be given up on either side.
    if (action === 'cancel' && handoffs.some(h => h.role === 'target' && h.outcome === '' && named(h)))
      return undefined;
    const found = vms.filter(named);
    const [vm] = found;
    if (!vm || found.some(v => v.nodeId === nodeId)) return undefined;
    mustBeSure(name, found);
    const {
      node = '',
      engine = '',
      ...wishes
    } = (body ?? {}) as Partial<Pick<Action, 'node' | 'engine'>> & PageWishes;
    // A matter of measurements, which nobody does from afar.
    const [wish] = Object.keys(WISHES).filter(key => Object.hasOwn(wishes, key)) as (keyof PageWishes)[];
    const [what, option] = wish
      ? WISHES[wish]
      : ENGINES.includes(engine)
        ? []
        : [`engine ${engine}`, '--engine'];
    if (what)
      throw new ShoalError(
        'SHOAL_VM_ELSEWHERE',
        `the VM is on ${vm.node}, and the ${what} is chosen there only`,
        name,
        `Ask on ${vm.node}, or leave ${wish ?? 'engine'}${option ? ` (${option})` : ''} away`,
      );
    const request = this.#deps.newId();
    const change = { action, node, engine, dry };
    return { to: { node: vm.node, request }, ask: () => this.#ask(person, change, vm, request) };
  }

  /** Rejects with what the other node answered, or SHOAL_FORWARD_LOST when it is not known whether it was done. */
  async #ask(person: Person, change: VmChange, vm: VmStatus, request: string): Promise<unknown> {
    const { token } = person;
    if (!token) {
      throw new ShoalError(
        'SHOAL_VM_ELSEWHERE',
        `the VM is on ${vm.node}, and only its node may change it`,
        vm.name,
        `Ask on ${vm.node}; or give a token (--token-file): then this node asks there for you`,
      );
    }
    const { id, proof } = token;
    const action: Action = {
      type: 'action',
      request,
      ...change,
      vm: vm.vm,
      token: id,
      proof,
      from: person.from,
    };
    return resultOf(await this.#exchange(vm, action), change, vm);
  }

  async #exchange(vm: VmStatus, action: Action): Promise<ActionAnswer> {
    const { mesh, clock } = this.#deps;
    const peer = vm.nodeId;
    const frame = frameOf(action);
    let off = (): void => undefined;
    const answered = new Promise<ActionAnswer>((answer, reject) => {
      const lost = (why: string) => reject(lostOn(vm, why));
      this.#waiting.set(action.request, { peer, answer, lost });
      off = clock.after(ANSWER_MS, () => lost(`did not answer within ${ANSWER_MS / 1000} s`));
    });
    // Nobody waits for it when the sending failed.
    answered.catch(() => undefined);
    try {
      await mesh.actions.send(peer, frame);
      return await answered;
    } finally {
      off();
      this.#waiting.delete(action.request);
    }
  }

  #hear(peer: string, frame: Uint8Array): void {
    const decoded = decodeAction(frame);
    if (!decoded.ok)
      return this.#told('action-refused', peer, decoded.fault, 'a message about an action that is none');
    const message = decoded.value;
    if (message.type === 'action-answer') {
      const waiting = this.#waiting.get(message.request);
      // Only the node that was asked can answer.
      if (waiting?.peer === peer) waiting.answer(message);
      return;
    }
    const { request } = message;
    this.#serve(peer, message).catch(error =>
      this.#told('action-answer-lost', peer, { request, error: String(error) }, 'not answered'),
    );
  }

  #told(event: string, peer: string, what: object, text: string): void {
    const { clock, log } = this.#deps;
    if (this.#lines.take(`${peer} ${event}`, clock.nowMs())) log.warn({ event, peer, ...what }, text);
  }

  async #serve(peer: string, action: Action): Promise<void> {
    const underWay = this.#underWay.get(peer) ?? 0;
    this.#underWay.set(peer, underWay + 1);
    try {
      const answer =
        underWay < UNDER_WAY_MAX ? await this.#carryOut(peer, action) : busy(peer, action, underWay);
      await this.#deps.mesh.actions.send(peer, encodeAction(answer));
    } finally {
      const left = (this.#underWay.get(peer) ?? 1) - 1;
      if (left > 0) this.#underWay.set(peer, left);
      else this.#underWay.delete(peer);
    }
  }

  async #carryOut(peer: string, action: Action): Promise<ActionAnswer> {
    const { people, api, log } = this.#deps;
    const { token, proof, request, dry } = action;
    const via = api.status().nodes.find(n => n.id === peer)?.name ?? peer;
    try {
      const person = people.gate.ofPeer(token, proof, peer, `${via}, from ${action.from}`, 'operate');
      const wish = { what: action.action, subject: this.#nameOf(action.vm), request };
      const done = await people.carryOut(person, wish, dry, () => act(api, action));
      return { ...EMPTY, request, ok: true, ...(done as Partial<ActionAnswer> | undefined) };
    } catch (error) {
      const shown = error instanceof ShoalError ? error : inside(error);
      if (shown.code === 'SHOAL_INTERNAL')
        log.error({ request, error: String(error) }, 'action failed inside');
      return refusal(request, shown);
    }
  }

  #nameOf(vm: string): string {
    return this.#deps.api.status().vms.find(v => v.vm === vm)?.name ?? vm;
  }
}

const lostOn = ({ node, name }: VmStatus, why: string): ShoalError =>
  new ShoalError(
    'SHOAL_FORWARD_LOST',
    `${node} ${why}; it may have done it`,
    name,
    `See \`shoal audit\` on ${node}`,
  );

/** Each of the actions; a VM that is not here is refused by the node's own rules, and never forwarded a second time. */
function act(api: AgentApi, { action, vm, node, engine, dry }: Action): Promise<unknown> {
  switch (action) {
    case 'start':
      return api.start(vm, dry);
    case 'stop':
      return api.stop(vm, dry);
    case 'destroy':
      return api.destroy(vm, dry);
    case 'cancel':
      return api.cancel(vm, dry);
    case 'unpin':
      return api.unpin(vm, dry);
    case 'migrate':
      return api.migrate(vm, node || undefined, engine || undefined, dry);
  }
}

/** As the API of the VM's node answered it. A code that is not known here comes from a newer node. */
function resultOf(answer: ActionAnswer, { action, dry }: VmChange, vm: VmStatus): unknown {
  const { ok, code, detail, where, todo, would, forced, handoff, node, pinnedMs } = answer;
  if (!ok) {
    // Of the token, not of the VM: here it is good, so it must be plain who says otherwise.
    const said = code.startsWith('SHOAL_HTTP_') ? `${vm.node} says: ${detail}` : detail;
    throw new ShoalError(code in ERROR_CODES ? code : 'SHOAL_FORWARD_REFUSED', said, where, todo);
  }
  if (dry) return { would };
  if (action === 'stop') return { forced };
  return action === 'migrate' ? { handoff, source: vm.node, node, pinnedMs } : undefined;
}

/** Throws SHOAL_HTTP_REQUEST: what a person wrote may be more than what nodes say to each other. */
function frameOf(action: Action): Uint8Array {
  try {
    return encodeAction(action);
  } catch (error) {
    if (!(error instanceof Bad)) throw error;
    throw new ShoalError(
      'SHOAL_HTTP_REQUEST',
      `${error.fault.path} ${error.fault.what}`,
      'body',
      'Mend it and ask again',
    );
  }
}

/** Whoever has the VM is shown the proof of a token: that must not go to a node that only says that it has it. */
function mustBeSure(name: string, found: readonly VmStatus[]): void {
  const [vm] = found;
  const nodes = found.map(v => v.node).join(' and ');
  const why =
    found.length > 1
      ? `${nodes} each say that they have it`
      : vm?.stale
        ? `${nodes} has not been heard lately`
        : '';
  if (why)
    throw new ShoalError(
      'SHOAL_VM_ELSEWHERE',
      `${why}: no token is sent there`,
      name,
      `Ask on ${vm?.node} itself`,
    );
}
