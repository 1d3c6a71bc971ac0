/**
 * Every metric by name, kind, meaning and labels; `docs/metrics.md` is printed from it.
 * Labels take few values: a node's own VMs are named (tens, dropped when they leave), peers, handoffs and UUIDs never.
 * Prometheus conventions: base units, `_total` for counters, ratios from 0 to 1.
 */
import { FAULT_BOUNDS_US } from './pages/types.ts';

type Spec = {
  /** `tally`: a histogram that is sorted into buckets elsewhere. */
  kind: 'counter' | 'gauge' | 'histogram' | 'tally';
  help: string;
  labels: readonly string[];
  buckets?: number[];
};

const counter = <const L extends readonly string[] = []>(help: string, labels: L = [] as unknown as L) =>
  ({ kind: 'counter', help, labels }) as const;
const gauge = <const L extends readonly string[] = []>(help: string, labels: L = [] as unknown as L) =>
  ({ kind: 'gauge', help, labels }) as const;
const histogram = <const L extends readonly string[]>(help: string, labels: L, buckets: number[]) =>
  ({ kind: 'histogram', help, labels, buckets }) as const;
const tally = (help: string, buckets: number[]) => ({ kind: 'tally', help, labels: [], buckets }) as const;

/** Shorter than a frame to longer than a TCP timeout: what a guest notices. */
const PAUSE_BUCKETS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];
/** From a small guest on a fast link to 1 TiB on 1 Gbit/s (8800 s; 64 GiB: 550 s). */
const TRANSFER_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];
/** As the page servers sort them: 50 µs to 10 s. */
const FAULT_BUCKETS = FAULT_BOUNDS_US.map(us => us / 1e6);

export const METRICS = {
  shoal_build_info: gauge('Always 1; the labels say what runs.', ['version', 'node_version']),
  shoal_node_cpu_ratio: gauge("Mean CPU over the window, of the node's cores for VMs."),
  shoal_node_memory_bytes: gauge('Memory for guests in all.'),
  shoal_node_memory_available_bytes: gauge('Memory for guests that is neither used nor reserved.'),
  shoal_node_cordoned: gauge('1 while the node takes no VMs.'),
  shoal_node_paused: gauge('1 while this node pauses all moves.'),
  shoal_node_sleeps_total: counter('How often this node has slept, in all lives of its agent.'),
  shoal_node_asleep_seconds_total: counter('For how long, in all.'),
  shoal_node_energy_saved_joules_total: counter(
    'What that saved by the watts of its configuration; 0 where they are not known.',
  ),
  shoal_wakes_total: counter('Peers that this node called and that woke, by the last method tried.', [
    'method',
  ]),
  shoal_vms: gauge('VMs on this node.', ['state']),
  shoal_vm_cpu_ratio: gauge('Mean CPU over the window, of one core.', ['vm']),
  shoal_vm_cpu_seconds_total: counter('CPU time of the VM on this node.', ['vm']),
  shoal_vm_memory_resident_bytes: gauge('Resident memory of the VMM, guest memory included.', ['vm']),
  shoal_reports_sent_total: counter('Load reports published.'),
  shoal_reports_received_total: counter('Load reports of peers taken into the view.'),
  shoal_reports_rejected_total: counter('Load reports of peers that were dropped.', ['reason']),
  shoal_view_nodes: gauge('Nodes in the view.', ['state']),
  shoal_view_age_seconds: gauge('Age of the oldest report that still counts.'),
  shoal_decisions_total: counter('Decisions kept, by what this node did about its own rows.', ['action']),
  shoal_moves_total: counter('Moves that the rule asked of this node.', ['reason']),
  shoal_refusals_total: counter('Reasons why the rule did not move, by code; counted per decision kept.', [
    'code',
  ]),
  shoal_offers_refused_total: counter('Offers of this node that a target refused, by its code.', ['code']),
  shoal_handoffs_total: counter('Handoffs that ended, on this node.', ['engine', 'role', 'outcome']),
  shoal_handoffs_running: gauge('Handoffs under way on this node.', ['role']),
  shoal_handoffs_in_doubt: gauge('Handoffs whose owner is not known yet: look at them.'),
  shoal_handoffs_unacknowledged: gauge('Ended handoffs of which the other side has not said that it knows.'),
  shoal_handoff_switch_seconds: histogram(
    'Command to migrate to the word that the guest runs on the target, both at the source.',
    ['engine'],
    PAUSE_BUCKETS,
  ),
  shoal_handoff_blackout_seconds: histogram(
    'Guest stopped to the word that it runs on the target, both at the source.',
    ['engine'],
    PAUSE_BUCKETS,
  ),
  shoal_handoff_transfer_seconds: histogram(
    'Guest running on the target to all its pages being there.',
    ['engine'],
    TRANSFER_BUCKETS,
  ),
  shoal_handoff_bytes_total: counter(
    'Bytes on the wire for memory, both directions: pages somebody waited for (urgent), pages unasked (bulk), the stream of the VMM (state), the rest with TLS (control).',
    ['engine', 'role', 'class'],
  ),
  shoal_handoff_reconnects_total: counter('Links between page servers that took the place of a lost one.', [
    'role',
  ]),
  shoal_handoff_released_bytes_total: counter(
    'Memory that this node, as a source, gave back before the move had ended (early release).',
  ),
  shoal_handoff_residual_bytes: gauge('Pages not yet in place (target) or not yet sent (source).', [
    'vm',
    'role',
  ]),
  shoal_handoff_goodput_bytes_per_second: gauge('Pages and stream that come or go now.', ['vm', 'role']),
  shoal_handoff_window_bytes: gauge('Most of bulk in flight now.', ['vm', 'role']),
  shoal_fault_seconds: tally(
    'Waits of a guest for a page of its memory, from the fault being read to the page in place; at the target.',
    FAULT_BUCKETS,
  ),
  shoal_fault_blocked_seconds_total: counter(
    'How long threads of VMMs stood for pages of guest memory, each for itself: vCPUs by the names that QEMU gives them (vcpu), the others (other); at the target.',
    ['thread'],
  ),
  shoal_mesh_sent_bytes_total: counter('Bytes to peers: reports, handoff messages, handshakes.'),
  shoal_mesh_received_bytes_total: counter('Bytes from peers.'),
  shoal_mesh_peers: gauge('Connected peers.'),
  shoal_mesh_members: gauge('Nodes on the allow-list, this one included.'),
  shoal_registers: gauge('Signed registers of the shared state that this node holds.'),
  shoal_mesh_settled: gauge('1 while this node knows what its peers know; else it does not act by the rule.'),
  shoal_http_requests_total: counter('Requests answered.', ['listener', 'status']),
  shoal_event_loop_lag_seconds: gauge('Worst delay of the event loop in this minute and the one before.'),
  process_cpu_seconds_total: counter('CPU time of the agent.'),
  process_resident_memory_bytes: gauge('Resident memory of the agent.'),
  process_start_time_seconds: gauge('When the agent started, seconds since 1970.'),
} as const satisfies Record<string, Spec>;

export type MetricName = keyof typeof METRICS;
type Names<K extends Spec['kind']> = {
  [N in MetricName]: (typeof METRICS)[N]['kind'] extends K ? N : never;
}[MetricName];
export type CounterName = Names<'counter'>;
export type GaugeName = Names<'gauge'>;
export type HistogramName = Names<'histogram'>;
export type TallyName = Names<'tally'>;

/** The labels of a metric, all of them; none = an empty object. */
export type Labels<N extends MetricName> = Record<(typeof METRICS)[N]['labels'][number], string>;
