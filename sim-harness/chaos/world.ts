/** The lab of a chaos run: agents on small file systems of their own, VMMs that tell checkers what they do. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { repositoryRoot } from '../guest/root.ts';
import { bringUp, type Lab, type LabNode } from '../lab/index.ts';
import { labDir } from '../lab/state.ts';
import type { ChaosOptions } from './arguments.ts';
import { LedgerFiles, type Ledgers } from './checks/ledger-files.ts';
import type { Harm } from './checks/lives.ts';
import { monitoredQemu } from './checks/monitored-qemu.ts';
import { Monitors } from './checks/monitors.ts';
import type { Places } from './checks/proc.ts';
import type { Break, Stream } from './checks/streams.ts';

/** Large enough for level's logs and tables, small enough to be filled in a moment. */
const DATABASE_MIB = 24;
/** A micro guest fills 4 MiB of its 16. */
export const MICRO = { memoryMib: 16, filledMib: 4, loadPercent: 4, touchPages: 300 };
export const QEMU = { memoryMib: 128, filledMib: 16, loadPercent: 5, touchPages: 300 };
/** Long enough for a busy machine, short enough that a run does not wait for lost causes. */
const GIVE_UP_MS = 10_000;
/** So slow that the memory of a micro guest takes a third of a second: faults hit it on its way. */
const MICRO_LINK = '100mbit';
/** Sparse: a guest writes 200 KiB a second. */
const DISK_SIZE = '2G';

export type ChaosVm = {
  name: string;
  /** UUID. */
  vm: string;
  /** Empty: it has none. */
  disk: string;
};

export type World = {
  options: ChaosOptions;
  lab: Lab;
  places: Places;
  guestMemoryMib: number;
  ledgers: Ledgers;
  ledgerDir: string;
  vms: ChaosVm[];
  harms: Harm[];
  /** Handoffs by QEMU's own post-copy, and what breaks such. */
  streams: Stream[];
  breaks: Break[];
  /** Of a node's folder: `n0` is `node0`. */
  nodeAt(folder: string): LabNode;
  folderOf(node: LabNode): string;
};

/** A directory of native parts in which the VMM is started with what it needs to keep its ledger. */
function nativeParts(dir: string, ledgers: string): string {
  const real = join(repositoryRoot(), 'agent', 'native', 'target', 'release');
  const parts = join(dir, 'native');
  mkdirSync(parts, { recursive: true });
  rmSync(ledgers, { recursive: true, force: true });
  mkdirSync(ledgers, { recursive: true });
  for (const name of ['shoal-pages', 'libshoal-uffd.so'])
    if (!existsSync(join(parts, name))) symlinkSync(join(real, name), join(parts, name));
  const script = `#!/bin/sh
# The node by the folder of the RAM file; then this shell becomes the guest.
for word; do [ "$last" = --ram ] && ram=$word; last=$word; done
node=\${ram%/*}
SHOAL_MICRO_LEDGER='${ledgers}' SHOAL_MICRO_NODE=\${node##*/} exec '${join(real, 'shoal-micro')}' "$@"
`;
  writeFileSync(join(parts, 'shoal-micro'), script);
  chmodSync(join(parts, 'shoal-micro'), 0o755);
  return parts;
}

/** Resolves when all agents see each other; no VM yet. The lab ends with this process. */
export async function createWorld(options: ChaosOptions, say: (line: string) => void): Promise<World> {
  const { name, nodes, driver, vms } = options;
  const micro = driver === 'micro';
  const dir = join(dirname(labDir(name)), '..', 'chaos', name);
  const ledgerDir = join(dir, 'ledgers');
  const kind = micro ? MICRO : QEMU;
  // Half of all VMs fit on one node: enough to move freely, and some offers meet a full node.
  const guestMemoryMib = kind.memoryMib * Math.max(2, Math.ceil(vms / 2) + 1);
  const ramMib = Math.ceil((micro ? kind.filledMib + 2 : kind.memoryMib) * (vms + 1));
  const native = nativeParts(dir, ledgerDir);
  // Short: unix socket paths have 108 bytes. It goes with the lab.
  const monitors = join('/run', `shoal-${name}`, 'qmp');
  const lab = await bringUp(
    {
      name,
      nodes,
      driver,
      net: 'netns',
      link: micro ? MICRO_LINK : '1gbit',
      cores: 'none',
      mode: 'observe',
      databaseMib: DATABASE_MIB,
      ramMib,
      guestMemoryMib,
      policy: { maxInflow: 8, maxOutflow: 8 },
      settings: {
        native: { dir: native },
        ...(!micro && { vms: { qemu: monitoredQemu(join(dir, 'qemu'), monitors) } }),
        migration: { prepareTimeoutMs: GIVE_UP_MS, switchTimeoutMs: GIVE_UP_MS },
      },
    },
    say,
  );
  mkdirSync(monitors, { recursive: true });
  const byFolder = new Map(lab.nodes.map(n => [n.runDir.split('/').at(-1) ?? '', n]));
  const [first] = lab.nodes;
  if (!first) throw new Error('assertion failed: a lab has nodes');
  const places = { runRoot: dirname(first.runDir), ramRoot: dirname(first.ramDir) };
  return {
    options,
    lab,
    places,
    guestMemoryMib,
    ledgers: micro ? new LedgerFiles(ledgerDir) : new Monitors(monitors, places),
    ledgerDir,
    vms: [],
    harms: [],
    streams: [],
    breaks: [],
    nodeAt(folder) {
      const node = byFolder.get(folder);
      if (!node) throw new Error(`assertion failed: no node lives in ${folder}`);
      return node;
    },
    folderOf: node => node.runDir.split('/').at(-1) ?? '',
  };
}

/** VMs, dealt out to the nodes in turn; real ones with a disk that all nodes reach. */
export async function makeVms({ options, lab, vms }: World): Promise<void> {
  const micro = options.driver === 'micro';
  for (let i = 0; i < options.vms; i++) {
    const name = `vm${i}`;
    const node = lab.nodes[i % lab.nodes.length]?.name ?? '';
    const disk = micro ? '' : join(lab.dir, `${name}.img`);
    if (disk) {
      execFileSync('qemu-img', ['create', '-q', '-f', 'raw', disk, DISK_SIZE]);
      execFileSync('mkfs.ext4', ['-q', '-F', disk]);
    }
    const { memoryMib } = micro ? MICRO : QEMU;
    const disks = disk ? { disks: [{ id: 'data', path: disk }] } : {};
    const { vm } = await lab.runVm(node, { name, memoryMib, crash: 'restart', ...disks });
    vms.push({ name, vm, disk });
  }
}
