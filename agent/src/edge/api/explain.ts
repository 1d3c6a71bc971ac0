/** Why a VM is where it is, or why a node has the VMs it has: from the last frozen decision, in sentences. */
import { ShoalError } from '../../errors.ts';
import { phaseOf } from '../handoff/figures.ts';
import type { ClusterStatus, DecisionRecord, Explanation, HandoffStatus } from '../http/api.types.ts';

export function explain(
  subject: string,
  status: ClusterStatus,
  latest: DecisionRecord | undefined,
  history: DecisionRecord[],
): Explanation {
  const vm = status.vms.find(v => v.name === subject || v.vm === subject);
  const node = status.nodes.find(n => n.name === subject || n.id === subject);
  if (!vm && !node) {
    throw new ShoalError(
      'SHOAL_UNKNOWN_SUBJECT',
      'no VM and no node has that name',
      subject,
      'See `shoal vms` and `shoal nodes`',
    );
  }
  const sentences: string[] = [];
  if (vm) {
    sentences.push(
      `${vm.name} is ${vm.state} on ${vm.node}: CPU ${vm.cpuPercent} % of a core, ${vm.memoryMib} MiB.`,
    );
    if (vm.pinnedMs > 0) sentences.push(`It is pinned there for another ${Math.ceil(vm.pinnedMs / 1000)} s.`);
    if (vm.backoffMs > 0)
      sentences.push(`It rests for ${Math.ceil(vm.backoffMs / 1000)} s: it came back too soon.`);
  }
  const moving = vm && status.handoffs.find(h => h.vm === vm.vm && h.outcome === '');
  if (moving) sentences.push(movingSentence(moving));
  if (node) {
    sentences.push(
      `${node.name} is ${node.state}: CPU ${node.cpuPercent} % of ${node.cores} core(s) with ${node.vms} VM(s), ` +
        `${node.memoryFreeMib} of ${node.memoryMib} MiB free.`,
    );
  }
  const id = vm?.vm ?? node?.id ?? '';
  const touches = (ids: string[]) => ids.includes(id);
  if (latest) {
    const { moves, refusals } = latest.decision;
    for (const m of moves.filter(m => touches([m.vm, m.from, m.to])))
      sentences.push(`Now asked for: ${m.sentence}.`);
    const about = refusals.filter(r => touches([r.vm, r.node]) || (r.vm === '' && r.node === ''));
    for (const r of about) sentences.push(`Not moved: ${r.sentence}.`);
    if (moves.length === 0 && about.length === 0) sentences.push('The rule asks for nothing.');
  }
  const past = history.find(d => d.decision.moves.some(m => touches([m.vm, m.from, m.to])));
  const move = past?.decision.moves.find(m => touches([m.vm, m.from, m.to]));
  if (past && move)
    sentences.push(`Last asked for at ${new Date(past.atMs).toISOString()}: ${move.sentence}.`);
  return { subject, sentences, decision: latest ?? null };
}

function movingSentence(handoff: HandoffStatus): string {
  const { source, target, engine, residualBytes, bytesPerSecond, secondsLeft, linkLostMs } = handoff;
  const megabytes = (count: number) => `${Math.round(count / 1e6)} MB`;
  const parts = [
    `It moves from ${source} to ${target} by ${engine}: ${phaseOf(handoff)}`,
    ...(residualBytes > 0 ? [`${megabytes(residualBytes)} left`] : []),
    ...(linkLostMs >= 0 ? [`the link is lost for ${Math.round(linkLostMs / 1000)} s`] : []),
    ...(bytesPerSecond > 0 ? [`${megabytes(bytesPerSecond)} a second`] : []),
    ...(secondsLeft > 0 ? [`${Math.ceil(secondsLeft)} s to go`] : []),
  ];
  return `${parts.join(', ')}.`;
}
