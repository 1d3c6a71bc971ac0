/**
 * A link with a priority class in the place of the lab's FIFO: HTB (tc-htb(8)) with a class for what is marked as urgent,
 * which goes first, and one for the rest. Told apart by the DSCP, which is the only mark that crosses a veth pair: the
 * kernel clears a packet's priority there.
 */
import { inNetns, linksOf, type NetworkPlan, tc } from './network.ts';

export type LinkClass = 'fifo' | 'htb';

/** DSCP EF (RFC 3246) in the field of eight bits; the page server marks its urgent lane so. */
const EF_TOS = '0xb8';
/** As deep as the queue of the FIFO at 1 Gbit/s: 20 ms. */
const QUEUE_BYTES = '2500000';
const BURST = '256k';
/** What a class may send before the other's turn: two packets. */
const QUANTUM = '3028';

const URGENT_CLASS = '1:10';
const KBIT = { k: 1, m: 1000, g: 1_000_000 };

/** Of a rate as tc takes it. */
const kbit = (rate: string): number =>
  Number.parseFloat(rate) * KBIT[rate.replace(/[\d.]/g, '')[0] as keyof typeof KBIT];

/** What `tc` is told for one device, after `tc`; the first deletes what is there. Pure. */
export function shaping(dev: string, rate: string, kind: LinkClass): string[][] {
  const at = ['dev', dev];
  const fifo = ['qdisc', 'replace', ...at, 'root', 'tbf', 'rate', rate, 'burst', BURST, 'latency', '20ms'];
  if (kind === 'fifo') return [['qdisc', 'del', ...at, 'root'], fifo];
  // Together no more than the link: a class within its own rate asks nobody above it.
  const share = (percent: number) => `${Math.floor(kbit(rate) * (percent / 100))}kbit`;
  const classOf = (parent: string, id: string, percent: number, ...rest: string[]) => [
    ...['class', 'add', ...at, 'parent', parent, 'classid', id, 'htb', 'rate', share(percent)],
    ...['ceil', rate, 'burst', BURST, 'cburst', BURST, 'quantum', QUANTUM, ...rest],
  ];
  const leaf = (parent: string, limit: string) => [
    ...['qdisc', 'add', ...at, 'parent', parent, 'bfifo', 'limit', limit],
  ];
  return [
    ['qdisc', 'del', ...at, 'root'],
    ['qdisc', 'add', ...at, 'root', 'handle', '1:', 'htb', 'default', '20'],
    classOf('1:', '1:1', 100),
    classOf('1:1', URGENT_CLASS, 90, 'prio', '0'),
    classOf('1:1', '1:20', 10, 'prio', '1'),
    leaf(URGENT_CLASS, QUEUE_BYTES),
    leaf('1:20', QUEUE_BYTES),
    [
      ...['filter', 'add', ...at, 'parent', '1:', 'protocol', 'ip', 'u32'],
      ...['match', 'ip', 'tos', EF_TOS, '0xff', 'flowid', URGENT_CLASS],
    ],
  ];
}

/** Both ends of every link, from now on. */
export async function reshape(plan: NetworkPlan, rate: string, kind: LinkClass): Promise<void> {
  for (const { netns, inside, outside } of linksOf(plan)) {
    for (const args of shaping(outside, rate, kind)) await tc(...args);
    for (const args of shaping(inside, rate, kind)) await inNetns(netns, 'tc', ...args);
  }
}

/** Bytes that went out of all nodes by the class for what is urgent, since it was made; 0 on a FIFO. */
export async function urgentClassBytes(plan: NetworkPlan): Promise<number> {
  let sum = 0;
  for (const { netns, inside } of plan.nodes)
    sum += classBytes(await inNetns(netns, 'tc', '-s', 'class', 'show', 'dev', inside), URGENT_CLASS);
  return sum;
}

/** Out of what `tc -s class show` prints. Pure. */
export function classBytes(text: string, id: string): number {
  const [, rest = ''] = text.split(`class htb ${id} `);
  return Number(/Sent (\d+) bytes/.exec(rest)?.[1] ?? 0);
}
