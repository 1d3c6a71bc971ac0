/**
 * An offer often arrives before the newest gossip it stands on (a direct stream is one hop, a report may take two):
 * so the target waits a moment for the missing report before it refuses.
 */
import type { Decision, View } from '@shoal/policies';
import type { ReportRef } from '@shoal/protocol';
import type { Reevaluation } from '../../core/judge-offer.ts';
import type { ClusterView } from '../../core/view.ts';
import { type Clock, sleep } from '../clock.ts';

/** Most reports arrive within 50 ms; longer than this would hold up the source's other moves. */
const BASIS_WAIT_MS = 700;
const LOOK_EVERY_MS = 20;

export async function reevaluate(
  basis: readonly ReportRef[],
  clusterView: ClusterView,
  decide: (view: View) => Decision,
  clock: Clock,
): Promise<Reevaluation | undefined> {
  if (basis.length === 0) return undefined;
  const untilMs = clock.nowMs() + BASIS_WAIT_MS;
  for (;;) {
    const found = clusterView.viewOf(basis, clock.nowMs());
    if ('view' in found) return { view: found.view, decision: decide(found.view) };
    if (clock.nowMs() >= untilMs) {
      const { node, incarnation, seq } = found.missing;
      return { missing: `${node} ${incarnation}/${seq}` };
    }
    await sleep(clock, LOOK_EVERY_MS);
  }
}
