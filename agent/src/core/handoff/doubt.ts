/**
 * What a node knows of a handoff that does not end by itself, in sentences, and which word of an operator would end it.
 * A word that could let a VM run twice is refused, whatever the operator says. Pure: times come in as ages.
 */
import type { Engine } from '@shoal/protocol';
import { type AnySourceState, type AnyTargetState, sourceMachine, targetMachine } from './machines.ts';

/** `peer-is-off`: the other node has no power, and gets none before this has ended. `from-disk`: the memory is given up. */
export type Word = 'peer-is-off' | 'from-disk';

export type Known = {
  name: string;
  handoff: string;
  role: 'source' | 'target';
  engine: Engine;
  state: AnySourceState | AnyTargetState;
  /** On this node's disk. */
  record: string;
  ageMs: number;
  peer: string;
  /** Of its newest report; -1 = none. */
  peerAgeMs: number;
  peerAwake: boolean;
  lastWord: string;
  /** -1 = it has said nothing to this life of the agent. */
  lastWordAgeMs: number;
  /** Other nodes that are awake and report the VM as theirs. */
  claimedBy: string[];
  /** Members besides this node and its peer that are not awake. */
  unheard: string[];
  /** Other handoffs of this VM that other nodes report, as `source → target`. */
  elsewhere: string[];
};

export type Doubt = { sentences: string[]; words: Word[] };

/** The words that the table heeds in that state. */
function heeded({ role, engine, state }: Known): Word[] {
  const cell =
    role === 'source'
      ? sourceMachine(engine).table[state as AnySourceState].resolve
      : targetMachine(engine).table[state as AnyTargetState].resolve;
  if (cell === 'ignore' || cell === 'answer') return [];
  // It owns the VM already: nobody else may run it, and only its memory is in question.
  return role === 'target' && ['owner', 'running'].includes(state) ? ['from-disk'] : ['peer-is-off'];
}

export function doubt(known: Known): Doubt {
  const { name, handoff, role, record, ageMs, peer } = known;
  const words = heeded(known);
  return {
    words,
    sentences: [
      `Handoff ${handoff} of ${name}: this node is its ${role}, ${peer} its ${role === 'source' ? 'target' : 'source'}.`,
      `The newest record here is \`${record}\`; it stands like that for ${seconds(ageMs)}.`,
      lastHeard(known),
      meaning(known),
      next(known, words[0]),
    ],
  };
}

const seconds = (ms: number): string => `${Math.max(0, Math.round(ms / 1000))} s`;

function lastHeard({ peer, peerAgeMs, peerAwake, lastWord, lastWordAgeMs }: Known): string {
  const said =
    lastWordAgeMs < 0
      ? `${peer} has said nothing of it to this life of the agent`
      : `${peer} last said \`${lastWord}\`, ${seconds(lastWordAgeMs)} ago`;
  if (peerAgeMs < 0) return `${said}, and has sent no report.`;
  return `${said}; its last report came ${seconds(peerAgeMs)} ago: it is ${peerAwake ? 'awake' : 'silent'}.`;
}

function meaning({ engine, state, role, peer }: Known): string {
  const inDoubt =
    role === 'source'
      ? sourceMachine(engine).inDoubt(state as AnySourceState)
      : targetMachine(engine).inDoubt(state as AnyTargetState);
  if (role === 'target' && state === 'running')
    return 'This node owns the VM and runs it; pages of its memory may still be on the other node.';
  if (role === 'target' && state === 'owner') return 'This node owns the VM; its guest does not run yet.';
  if (state === 'lost') return 'This node owns the VM; memory of it is lost, and it is being ended.';
  if (state === 'transferring') return `${peer} owns the VM and has said that it runs there.`;
  if (!inDoubt) return 'Nothing is in doubt: this node goes on by itself, or waits for an answer.';
  return `Whether ${peer} runs it, or ever will, is not known here: this node asks for as long as it takes, and runs nothing.`;
}

function next({ name, peer }: Known, word: Word | undefined): string {
  if (word === 'from-disk')
    return `If the pages cannot come any more: \`shoal resolve ${name} --from-disk\` ends the guest, and it is treated as after a crash.`;
  if (word === 'peer-is-off')
    return (
      `Bring ${peer} back, and it ends by itself. Or, with proof that ${peer} has no power and gets none meanwhile: ` +
      `\`shoal resolve ${name} --peer-is-off\` starts it here from its disks; the memory image is thrown away.`
    );
  return `There is nothing to resolve now. \`shoal cancel ${name}\` gives a handoff up before its commit.`;
}

/** Why that word must not be taken; undefined when it may. */
export function objection(known: Known, word: Word, words: readonly Word[]): string | undefined {
  const { peer, peerAwake, peerAgeMs, claimedBy, unheard, elsewhere } = known;
  if (!words.includes(word))
    return words.length === 0
      ? 'there is nothing to resolve in this state'
      : `the word for this state is --${words[0]}, not --${word}`;
  if (word === 'peer-is-off' && peerAwake)
    return `${peer} is not off: its last report came ${seconds(peerAgeMs)} ago`;
  const others = claimedBy.filter(node => node !== peer);
  if (others.length > 0) return `${others.join(' and ')} reports the VM as its own`;
  if (word === 'from-disk') return undefined;
  // The peer may have had the VM, and have passed it on before it went off (found by the simulator).
  if (elsewhere.length > 0) return `it is in another handoff too: ${elsewhere.join(', ')}`;
  if (unheard.length > 0) return `${unheard.join(' and ')} is silent, and may have the VM from ${peer}`;
  return undefined;
}
