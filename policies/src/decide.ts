/** The one way in: a view and the numbers to moves, and refusals with their reasons. Pure. */
import { byId } from './order.ts';
import { seconds } from './sentences.ts';
import { Draft } from './threshold/draft.ts';
import { cooldownLeftMs, isIdle, isOverloaded, refusal } from './threshold/gates.ts';
import { pack } from './threshold/packing.ts';
import { maySleep } from './threshold/sleep.ts';
import { spread } from './threshold/spread.ts';
import type { Decision, NodeView, Policy, ThresholdConfig, View } from './types.ts';

/**
 * The paper's threshold rule (Hirofuchi et al. 2010, section 5) with the gaps filled as `docs/design/policy.md` says.
 * Spreading goes before packing; after a relocation nothing is decided until the cooldown is over.
 */
export function decide(view: View, config: ThresholdConfig): Decision {
  const nodes = [...view.nodes].sort((a, b) => byId(a.node, b.node));
  const sorted = { ...view, nodes: config.backoff === 'on' ? nodes : nodes.map(rested) };
  const draft = new Draft(sorted, config);
  const leftMs = config.cooldownScope === 'cluster' ? cooldownLeftMs(sorted, undefined, config) : 0;
  if (leftMs > 0) {
    if (wantsAnything(sorted, config)) {
      const ago = seconds(config.cooldownMs - leftMs);
      const sentence = `a relocation began ${ago} ago: nothing is decided for another ${seconds(leftMs)}`;
      draft.refuse(refusal('cooldown', '', '', { leftMs }, sentence));
    }
    draft.suspend = maySleep(draft);
    return draft.decision();
  }
  spread(draft);
  if (draft.moves.length === 0) pack(draft);
  draft.suspend = maySleep(draft);
  return draft.decision();
}

const rested = (node: NodeView): NodeView => ({
  ...node,
  vms: node.vms.map(vm => ({ ...vm, backoffMs: 0 })),
});

/** A cooldown is worth a word only where it holds something back. */
function wantsAnything(view: View, config: ThresholdConfig): boolean {
  const idle = view.nodes.filter(n => isIdle(n, config) && n.vms.length > 0);
  return idle.length > 1 || view.nodes.some(n => isOverloaded(n, config));
}

export const threshold: Policy<ThresholdConfig> = { name: 'threshold', version: 1, decide };
