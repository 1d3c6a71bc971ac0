/** The whole cluster on one screen. */
import type { ClusterStatus } from '../../edge/http/api.types.ts';
import { remaining } from '../format.ts';
import type { Style } from '../style.ts';
import { handoffsBriefly } from './handoffs.ts';
import { nodesBriefly } from './nodes.ts';
import { vmsBriefly } from './vms.ts';

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

export function status(cluster: ClusterStatus, style: Style): string[] {
  const { nodes, vms, handoffs, warnings } = cluster;
  const head = [
    `${style.bold(cluster.node)} sees ${counted(nodes.length, 'node')}, ${counted(vms.length, 'VM')}`,
    `mode ${cluster.mode}`,
    `policy ${cluster.policy} ${cluster.policyHash.slice(0, 8)}`,
    ...(cluster.cooldownMs > 0 ? [`cooldown ${remaining(cluster.cooldownMs)}`] : []),
    `shoal ${cluster.version}`,
  ];
  const paused = nodes.filter(n => n.pausedMs > 0 && n.state === 'awake');
  const rests = paused.map(n =>
    style.warn(`paused on ${n.name} for ${remaining(n.pausedMs)}: no moves by the rule`),
  );
  const https = cluster.https.address ? [`https ${cluster.https.address} ${cluster.https.fingerprint}`] : [];
  const parts = [
    [head.join(' · '), ...https, ...rests],
    nodesBriefly(nodes, cluster.nodeId, style),
    vmsBriefly(vms, style),
    handoffsBriefly(handoffs, style),
    warnings.map(w => `${style.warn('warning')} ${w}`),
  ];
  return parts.filter(lines => lines.length > 0).flatMap((lines, i) => (i === 0 ? lines : ['', ...lines]));
}
