/** The network outside of the nodes: a switch that their bridges hang on, and a person behind it. */
import { execFileSync } from 'node:child_process';
import { cleaner } from '../lab/cleaner.ts';
import type { Lab } from '../lab/index.ts';

const NETNS = 'shl-outside';
const SWITCH = 'switch';
/** On each node: what guests are plugged into. */
export const BRIDGE = 'vmbr';
const OWN_ADDRESS = '10.213.0.1/24';
/** Reverse ARP: how QEMU announces a guest (`announce-self`). No guest of the lab sends any. */
const RARP = '0x8035';

const run = (command: string, ...args: string[]): string => execFileSync(command, args, { encoding: 'utf8' });
const quietly = (command: string, ...args: string[]): boolean => {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

export class Outside {
  readonly #lab: Lab;
  readonly #mac: string;
  readonly remove: () => Promise<void>;

  /** Plugs every node of the lab into the switch. `mac`: the guest that is looked for. */
  constructor(lab: Lab, mac: string) {
    this.#lab = lab;
    this.#mac = mac;
    this.remove = cleaner('ip netns del "$1"', NETNS);
    run('ip', 'netns', 'add', NETNS);
    this.#here('ip', 'link', 'add', SWITCH, 'type', 'bridge');
    this.#here('ip', 'addr', 'add', OWN_ADDRESS, 'dev', SWITCH);
    this.#here('ip', 'link', 'set', SWITCH, 'up');
    for (const i of lab.nodes.keys()) {
      run(
        'ip',
        'link',
        'add',
        'uplink',
        'netns',
        this.#netns(i),
        'type',
        'veth',
        'peer',
        this.port(i),
        'netns',
        NETNS,
      );
      this.#here('ip', 'link', 'set', this.port(i), 'master', SWITCH, 'up');
      this.inNode(i, 'ip', 'link', 'add', BRIDGE, 'type', 'bridge');
      this.inNode(i, 'ip', 'link', 'set', 'uplink', 'master', BRIDGE, 'up');
      this.inNode(i, 'ip', 'link', 'set', BRIDGE, 'up');
    }
  }

  /** The switch's port of a node. */
  port = (node: number): string => `node${node}`;

  #netns(node: number): string {
    return this.#lab.state.network?.nodes[node]?.netns ?? '';
  }
  #here(...args: string[]): string {
    return run('ip', 'netns', 'exec', NETNS, ...args);
  }
  inNode(node: number, ...args: string[]): string {
    return run('ip', 'netns', 'exec', this.#netns(node), ...args);
  }

  /** The port on which the switch last heard the guest. */
  heardOn(): string | undefined {
    const rows = this.#here('bridge', 'fdb', 'show', 'br', SWITCH).split('\n');
    return rows.map(row => new RegExp(`^${this.#mac} dev (\\S+)`).exec(row)?.[1]).find(Boolean);
  }

  /** The switch has never heard the guest. */
  forget(): void {
    this.#here('bridge', 'fdb', 'del', this.#mac, 'dev', this.heardOn() ?? '', 'master');
  }

  /** The switch believes that the guest is behind that node, as after an announcement there. */
  mislead(node: number): void {
    this.#here('bridge', 'fdb', 'replace', this.#mac, 'dev', this.port(node), 'master', 'dynamic');
  }

  /** Counts announcements of the guest that come from that node, from now on. */
  countAnnouncements(node: number): () => number {
    this.#here('nft', 'add', 'table', 'bridge', 'seen');
    this.#here('nft', 'flush', 'table', 'bridge', 'seen');
    this.#here('nft', 'add chain bridge seen in { type filter hook prerouting priority 0 ; }');
    const rule = `iifname ${this.port(node)} ether saddr ${this.#mac} ether type ${RARP} counter`;
    this.#here('nft', `add rule bridge seen in ${rule}`);
    return () => Number(/packets (\d+)/.exec(this.#here('nft', 'list', 'table', 'bridge', 'seen'))?.[1]);
  }

  /** Whether one ping comes back, with no question to the network where the guest is. */
  pings(address: string): boolean {
    this.#here('ip', 'neigh', 'replace', address, 'lladdr', this.#mac, 'dev', SWITCH, 'nud', 'permanent');
    return quietly('ip', 'netns', 'exec', NETNS, 'busybox', 'ping', '-c', '1', '-W', '1', address);
  }

  /** Cards of guests on a node. */
  taps(node: number): string[] {
    return this.inNode(node, 'ip', '-o', 'link', 'show', 'type', 'tun')
      .split('\n')
      .flatMap(row => /^\d+: ([^:@]+)/.exec(row)?.[1] ?? []);
  }
}
