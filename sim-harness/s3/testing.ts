/** For the test of real S3: a lab with one agent of this machine, and a node of its mesh that is a machine of QEMU's. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterStatus, NodeStatus } from '@shoal/agent/edge/http/api.types';
import { stringify } from 'yaml';
import { AmtDouble } from '../amt/double.ts';
import { WELL } from '../amt/knobs.ts';
import { certificate } from '../amt/testing.ts';
import { ensureGuestImage } from '../guest/image.ts';
import { unpackKernel } from '../guest/kernel.ts';
import { repositoryRoot } from '../guest/root.ts';
import { AMT_PORTS_FROM, agentConfig, type LabOptions } from '../lab/config.ts';
import { bringUp, type Lab, type LabNode } from '../lab/index.ts';
import { ip } from '../lab/network.ts';
import { makeNodeDisk, makeStateDisk } from './disk.ts';
import { makeInitrd } from './initrd.ts';
import { S3Machine } from './machine.ts';

/** An emulated core beside everything else: reports come late. */
const STALE_MS = 15_000;
const MEMORY_MIB = 768;
const TRANSITION_MS = 500;
export const SLEEPER = 'sleeper';

export type Night = {
  lab: Lab;
  /** The agent on this machine, which wakes. */
  waker: LabNode;
  machine: S3Machine;
  amt: AmtDouble;
  seen(): Promise<NodeStatus | undefined>;
  end(): Promise<void>;
};

export async function night(say: (line: string) => void): Promise<Night> {
  const tap = `shs3${process.pid % 1_000_000}`;
  const undo: (() => unknown)[] = [];
  const end = async () => {
    for (const one of undo.splice(0).reverse()) await one();
  };
  try {
    const options: LabOptions = {
      ...{
        name: `s3x${process.pid % 1_000_000}`,
        nodes: 1,
        driver: 'micro',
        net: 'netns',
        link: 'none',
        cores: 'none',
      },
      ...{ windowMs: 2000, staleAfterMs: STALE_MS },
    };
    const lab = await bringUp(options, say);
    undo.push(() => lab.down());
    const [waker] = lab.nodes;
    const { network } = lab.state;
    if (!waker || !network) throw new Error('assertion failed: a lab in namespaces has a node and a network');
    const address = lab.vmAddress(0);
    // In the lab's own directory, which goes with the lab whatever becomes of this process.
    const dir = join(lab.dir, 's3');
    mkdirSync(dir);
    const files = await images(dir, say, configOf(waker, address));
    const machine = await S3Machine.start({
      dir,
      ...files,
      tap,
      plug: () => ip('link', 'set', tap, 'master', network.bridge, 'up'),
      address: `${address}/24`,
      memoryMib: MEMORY_MIB,
    });
    undo.push(() => machine.end());
    const tls = await certificate(dir);
    const passwordFile = join(dir, 'password');
    writeFileSync(passwordFile, `${WELL.password}\n`, { mode: 0o600 });
    const amt = new AmtDouble(machine, { transitionMs: TRANSITION_MS });
    undo.push(() => amt.close());
    keepTranscript(amt);
    await amt.listen(network.host, AMT_PORTS_FROM, tls);
    const way = { node: SLEEPER, method: 'amt', ip: network.host, ssl_fingerprint: tls.fingerprint };
    const known: LabOptions = {
      ...options,
      members: [{ id: files.peerId, addresses: [`/ip4/${address}/tcp/7420`] }],
      settings: { power: { wake: [{ ...way, password_file: passwordFile }] } },
    };
    await waker.kill();
    waker.writeConfig(agentConfig(waker.state, lab.state, known, undefined));
    waker.start();
    await waker.ready();
    const seen = async () => {
      const { nodes } = await waker.get<ClusterStatus>('/v1/status');
      return nodes.find(node => node.id === files.peerId);
    };
    return { lab, waker, machine, amt, seen, end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function images(dir: string, say: (line: string) => void, config: string) {
  const { kernel } = await ensureGuestImage({ progress: say });
  const { modules } = await unpackKernel(join(repositoryRoot(), '.cache', 'guest'), say);
  const [initrd, nodeDisk, stateDisk] = ['initrd', 'node.img', 'state.img'].map(name => join(dir, name)) as [
    string,
    string,
    string,
  ];
  await makeInitrd(initrd, modules);
  await makeNodeDisk(nodeDisk);
  return { kernel, initrd, nodeDisk, stateDisk, peerId: await makeStateDisk(stateDisk, config) };
}

/** Of the agent in the machine, which suspends it as an operator's own program would. */
const configOf = (waker: LabNode, address: string): string =>
  stringify({
    node: { name: SLEEPER },
    mesh: {
      listen: [`/ip4/${address}/tcp/7420`],
      peers: [{ id: waker.state.peerId, addresses: [`/ip4/${waker.address}/tcp/7420`] }],
      staleAfterMs: STALE_MS,
    },
    http: { listen: `${address}:7421` },
    migration: { address },
    memory: { ramDir: '/dev/shm/shoal' },
    vms: { accel: 'tcg' },
    windowMs: 2000,
    power: {
      suspend: { driver: 'command', command: ['/bin/sh', '-c', 'echo mem >/sys/power/state'], alarmHours: 1 },
    },
  });

function keepTranscript(amt: AmtDouble): void {
  const dir = join(repositoryRoot(), 'out', 'amt');
  mkdirSync(dir, { recursive: true });
  const file = join(dir, 'agent-s3.txt');
  writeFileSync(file, '');
  amt.transcript = text => writeFileSync(file, `${text}\n`, { flag: 'a' });
}
