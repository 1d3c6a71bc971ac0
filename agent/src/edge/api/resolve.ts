/** `shoal resolve`: what this node knows of a handoff that does not end by itself, and an operator's word that ends it. */
import { type Doubt, doubt, type Known, objection, type Word } from '../../core/handoff/doubt.ts';
import { ShoalError } from '../../errors.ts';
import { type Clock, sleep } from '../clock.ts';
import type { AnyParty, Parties } from '../handoff/parties.ts';
import type { ClusterStatus, DoubtStatus, Resolved } from '../http/api.types.ts';
import type { Change } from './changes.ts';

export type ResolveDeps = {
  parties: Pick<Parties, 'live' | 'status'>;
  clock: Clock;
  status(): ClusterStatus;
};

/** A record is written in milliseconds; a disk that takes longer is tried again, and people are told. */
const WRITTEN_MS = 10_000;
const LOOK_EVERY_MS = 20;
/** Several reports of a node that is well. */
const HEARD_MS = 5000;

/** All nodes but this one and its peer. */
const thirds = (status: ClusterStatus, peer: string) =>
  status.nodes.filter(n => n.id !== status.nodeId && n.id !== peer);

type Found = { party: AnyParty; known: Known; doubt: Doubt };

function find(name: string, deps: ResolveDeps): Found {
  const { parties, clock } = deps;
  const status = deps.status();
  const party = parties.live().find(p => p.vm === name || p.entry.offer.spec.name === name);
  if (!party) {
    const at = status.vms.find(v => v.name === name || v.vm === name);
    const todo = at ? `See \`shoal handoffs\`, also on ${at.node}` : 'See `shoal vms` and `shoal handoffs`';
    throw new ShoalError('SHOAL_VM_SETTLED', 'no handoff of that VM is under way on this node', name, todo);
  }
  const { peer, role, offer } = party.entry;
  const node = status.nodes.find(n => n.id === peer);
  const awake = (id: string) => status.nodes.some(n => n.id === id && n.state === 'awake');
  const claims = status.vms.filter(v => v.vm === party.vm && v.nodeId !== status.nodeId && awake(v.nodeId));
  const known: Known = {
    name: offer.spec.name,
    handoff: party.handoff,
    role,
    engine: offer.engine,
    state: party.state,
    record: parties.status(party).stage,
    ageMs: party.stateAgeMs,
    peer: node?.name || peer,
    peerAgeMs: node?.ageMs ?? -1,
    peerAwake: node?.state === 'awake',
    lastWord: party.lastWord.word,
    lastWordAgeMs: party.lastWord.word ? clock.nowMs() - party.lastWord.atMs : -1,
    claimedBy: claims.map(v => v.node),
    unheard: thirds(status, peer)
      .filter(n => n.state !== 'awake')
      .map(n => n.name || n.id),
    elsewhere: status.handoffs
      .filter(h => h.role === 'observer' && h.vm === party.vm && h.handoff !== party.handoff)
      .map(h => `${h.source} → ${h.target}`),
  };
  return { party, known, doubt: doubt(known) };
}

/** Throws SHOAL_VM_SETTLED when this node has no handoff of that VM. */
export function doubtOf(name: string, deps: ResolveDeps): DoubtStatus {
  const { party, known, doubt } = find(name, deps);
  const { handoff, role, peer, record, ageMs } = known;
  const { sentences, words } = doubt;
  return { vm: party.vm, name: known.name, handoff, role, peer, record, ageMs, sentences, words };
}

/** Throws SHOAL_RESOLVE_REFUSED with what speaks against that word now. */
function mayResolve(name: string, word: Word, deps: ResolveDeps): ReturnType<typeof find> {
  const found = find(name, deps);
  const why = objection(found.known, word, found.doubt.words);
  if (why === undefined) return found;
  const vm = found.known.name;
  throw new ShoalError('SHOAL_RESOLVE_REFUSED', why, vm, `See \`shoal resolve ${vm}\``);
}

/** Until every other node has said what it has since now, or is silent: that, the next look tells. */
async function heardSince({ clock, status }: ResolveDeps, peer: string): Promise<void> {
  const sinceMs = clock.nowMs();
  const spanMs = () => clock.nowMs() - sinceMs;
  while (spanMs() < HEARD_MS && thirds(status(), peer).some(n => n.state === 'awake' && n.ageMs >= spanMs()))
    await sleep(clock, LOOK_EVERY_MS);
}

const settledSince = (name: string) =>
  new ShoalError(
    'SHOAL_VM_SETTLED',
    'that handoff has ended meanwhile',
    name,
    `See \`shoal resolve ${name}\``,
  );

/** `by`: who gives that word, for the handoff's end. Throws SHOAL_RESOLVE_REFUSED with what speaks against it. */
export function resolveChange(name: string, word: Word, by: string, deps: ResolveDeps): Change<Resolved> {
  const { party, known } = mayResolve(name, word, deps);
  const does =
    word === 'from-disk' ? 'end its guest, whose memory is given up' : 'throw its memory image away';
  return {
    would: `take the word of ${by} (${word}), ${does}, and start ${known.name} here from its disks`,
    async act() {
      if (word === 'peer-is-off') await heardSince(deps, party.entry.peer);
      // Looked at once more in the very moment: what the peer has said meanwhile counts, and to whom it gave the VM before.
      const found = mayResolve(name, word, deps);
      if (found.party !== party) throw settledSince(known.name);
      party.resolve(`${word} by the word of ${by}`);
      const untilMs = deps.clock.nowMs() + WRITTEN_MS;
      while (party.state === 'w-resolved' && deps.clock.nowMs() < untilMs)
        await sleep(deps.clock, LOOK_EVERY_MS);
      if (party.state !== 'w-resolved') return { handoff: party.handoff, word };
      const todo = 'It is tried again until it is written; see the log and the free space';
      throw new ShoalError('SHOAL_RESOLVE_UNWRITTEN', 'the word is not on the disk yet', known.name, todo);
    },
  };
}
