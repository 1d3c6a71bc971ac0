/** The shared state of one node, put together: its registers, their exchange with the others, and what people switched. */
import { Rates } from '../../core/rate.ts';
import type { Member } from '../../core/registers/read.ts';
import type { Held } from '../../core/registers/table.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Mesh } from '../mesh/types.ts';
import { usable } from '../mesh/usable.ts';
import { type Database, Shelf } from '../store/store.ts';
import { Exchange } from './exchange.ts';
import { Flags } from './flags.ts';
import { type Configured, Registers } from './registers.ts';
import type { Seal } from './seal.ts';

export type SharedDeps = {
  db: Database;
  seal: Seal;
  mesh: Mesh;
  clock: Clock;
  log: Logger;
  /** These keys were written or dropped: what this node's own report says may have changed. */
  changed(keys: string[]): void;
  /** A node is off the allow-list. */
  removed(node: string): void;
};

export type Shared = {
  registers: Registers;
  flags: Flags;
  /** Whether this node knows what its peers know: before that it does not act by the rule. */
  settled(): boolean;
  stop(): void;
};

/** Each register is a synced write on every node. People and their scripts write fewer; a drain of 64 VMs fits. */
const TOLD = { burst: 128, perSecond: 4 };

export async function openShared(self: string, configured: Configured, deps: SharedDeps): Promise<Shared> {
  const { mesh, clock, log } = deps;
  let before: readonly Member[] = [];
  // What is heard before is there for the caller to read.
  let opened = false;
  const registers = new Registers(self, configured, {
    shelf: new Shelf<Held>(deps.db, 'register'),
    seal: deps.seal,
    clock,
    log,
    tell: bytes => mesh.registers.publish(bytes),
    changed: keys => {
      if (opened) deps.changed(keys);
    },
    admit(list) {
      mesh.setAllowed(usable(list));
      for (const { id } of before) {
        if (list.some(m => m.id === id)) continue;
        exchange.removed(id);
        deps.removed(id);
      }
      before = list;
    },
  });
  await registers.open();
  const told = new Rates(TOLD.burst, TOLD.perSecond);
  const exchange = new Exchange({
    registers,
    peers: () => mesh.peers(),
    send: (peer, frame) => mesh.registers.send(peer, frame),
    blame: peer => mesh.blame(peer),
    clock,
    log,
  });
  await mesh.registers.open({
    judge(author, bytes) {
      if (told.take(author, clock.nowMs())) return registers.judge(bytes);
      exchange.owes(author);
      return 'ignore';
    },
    heard: bytes => registers.heard(bytes),
    frame: (peer, frame) => exchange.frame(peer, frame),
  });
  const off = mesh.onPeer((peer, change) => (change === 'up' ? exchange.up(peer) : exchange.down(peer)));
  opened = true;
  return {
    registers,
    flags: new Flags(registers),
    settled: () => exchange.settled(),
    stop() {
      off();
      exchange.stop();
    },
  };
}
