/** What can be done to a cluster, when, and for how long: dealt from the seed. Pure. */
import type { Random } from '../random.ts';

export const KINDS = [
  'agent-kill-source',
  'agent-kill-target',
  'agent-stop',
  'pages-kill',
  'pages-stop',
  'vmm-kill-source',
  'vmm-kill-target',
  'vmm-stop',
  'link-cut',
  'link-cut-one-way',
  'journal-full',
  'ram-full',
  'crossing',
] as const;
export type Kind = (typeof KINDS)[number];
export type Side = 'source' | 'target';

/** Fires when that side of the handoff enters the state, `afterMs` later. */
export type Fault = { kind: Kind; side: Side; state: string; afterMs: number; forMs: number };

const SOURCE_STATES = [
  'offered',
  'preparing',
  'connecting',
  'switching',
  'switching-done',
  'switching-ready',
  'w-committed',
  'committed',
  'transferring',
  'w-released',
  'released',
];
const TARGET_STATES = [
  'judging',
  'accepted',
  'loading',
  'w-ready',
  'ready',
  'w-owner',
  'owner',
  'running',
  'w-transferred',
  'transferred',
];
/** Only while there is a page server, or a second VMM, to hit. */
const SOURCE_PAGES = ['connecting', 'switching', 'switching-done', 'committed', 'transferring'];
const TARGET_PAGES = ['loading', 'ready', 'owner', 'running'];
const TARGET_VMM = ['loading', 'w-ready', 'ready', 'w-owner', 'owner', 'running', 'transferred'];

const BRIEF = [0, 0, 0, 5, 20, 60, 150] as const;
/** Longest that a fault lasts, ms: past the staleness of a silent node (3 s) for some, so that both cases are met. */
const LASTS: Record<Kind, readonly [number, number]> = {
  'agent-kill-source': [0, 1500],
  'agent-kill-target': [0, 1500],
  'agent-stop': [200, 4500],
  'pages-kill': [0, 0],
  'pages-stop': [100, 2500],
  'vmm-kill-source': [0, 0],
  'vmm-kill-target': [0, 0],
  'vmm-stop': [100, 2500],
  'link-cut': [200, 5000],
  'link-cut-one-way': [200, 5000],
  'journal-full': [200, 2500],
  'ram-full': [200, 2500],
  crossing: [0, 0],
};

function moment(kind: Kind, random: Random): { side: Side; state: string } {
  const side: Side = random.chance(0.5) ? 'source' : 'target';
  const of = (source: readonly string[], target: readonly string[]) => ({
    side,
    state: random.one(side === 'source' ? source : target),
  });
  switch (kind) {
    case 'agent-kill-source':
      return { side: 'source', state: random.one(SOURCE_STATES) };
    case 'agent-kill-target':
      return { side: 'target', state: random.one(TARGET_STATES) };
    case 'vmm-kill-source':
      return { side: 'source', state: random.one(SOURCE_STATES) };
    case 'vmm-kill-target':
      return { side: 'target', state: random.one(TARGET_VMM) };
    case 'pages-kill':
    case 'pages-stop':
      return of(SOURCE_PAGES, TARGET_PAGES);
    case 'crossing':
      return { side: 'source', state: 'offered' };
    default:
      return of(SOURCE_STATES, TARGET_STATES);
  }
}

export function faultOf(kind: Kind, random: Random): Fault {
  const [least, most] = LASTS[kind];
  return { kind, ...moment(kind, random), afterMs: random.one(BRIEF), forMs: random.whole(least, most) };
}

/**
 * Deals kinds so that each comes as often as any other; what could not be done comes again with the next lot, so that
 * a kind that cannot be done for a while keeps no other one waiting.
 */
export class Deck {
  readonly #kinds: readonly Kind[];
  readonly #random: Random;
  #cards: Kind[] = [];
  #again: Kind[] = [];

  constructor(random: Random, kinds: readonly Kind[] = KINDS) {
    this.#random = random;
    this.#kinds = kinds;
  }

  deal(): Fault {
    if (this.#cards.length === 0) {
      this.#cards = this.#random.shuffled([...this.#kinds, ...this.#again]);
      this.#again = [];
    }
    return faultOf(this.#cards.shift() as Kind, this.#random);
  }

  /** Once of each kind: one that was impossible for long would be all that is dealt afterwards. */
  putBack({ kind }: Fault): void {
    if (!this.#again.includes(kind)) this.#again.push(kind);
  }
}
