/**
 * QEMU's own post-copy from QEMU to QEMU, without agents and page servers, between the two nodes of a lab: `postcopy-preempt`
 * wants a second connection of its own, which does not ride our channel. Plain TCP, unencrypted.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clock } from '@shoal/agent/edge/clock';
import { vmPaths } from '@shoal/agent/edge/vmm/paths';
import { qemuArgs } from '@shoal/agent/edge/vmm/qemu-args';
import { Qmp } from '@shoal/agent/edge/vmm/qmp';
import { ShoalError } from '@shoal/agent/errors';
import type { VmSpec } from '@shoal/protocol';
import { ensureGuestImage } from '../guest/image.ts';
import { CMDLINE } from '../guest/init.ts';
import { GuestPort, type Lab, type LabNode } from '../lab/index.ts';
import type { Moments } from './guest-figures.ts';
import { type Asked, asked } from './qemu-figures.ts';

const VM = '00000000-0000-4000-8000-00000000d1ec';
const PORT = 7440;
const START_MS = 30_000;
const MOVE_MAX_MS = 300_000;
/** As the agents do: next to nothing is sent before the switch. */
const BEFORE_POSTCOPY_BPS = 10;

type Side = { node: LabNode; child: ChildProcess; qmp: Qmp; at: Map<string, number> };
export type DirectMove = Asked & { at: Moments };

export class QemuPair {
  readonly guest: GuestPort;
  readonly #lab: Lab;
  readonly #spec: VmSpec;
  #here: Side | undefined;
  #there: Side | undefined;

  private constructor(lab: Lab, spec: VmSpec) {
    this.#lab = lab;
    this.#spec = spec;
    this.guest = new GuestPort(
      VM,
      lab.nodes.map(node => join(node.runDir, 'direct')),
    );
  }

  /** A guest like that of the other arms, on the first node; answers once its workload does. */
  static async boot(lab: Lab, memoryMib: number): Promise<QemuPair> {
    const { kernel, initrd } = await ensureGuestImage();
    const pair = new QemuPair(lab, {
      ...{ vm: VM, name: 'direct', driver: 'qemu', memoryMib, vcpus: 1, machine: 'pc' },
      ...{ kernel, initrd, cmdline: CMDLINE, disks: [], nics: [], channels: ['work'] },
      ...{ labels: {}, migration: 'never', crash: 'leave' },
    });
    pair.#here = await pair.#start(lab.nodes[0], false);
    await pair.guest.ready();
    return pair;
  }

  get #source(): Side {
    if (!this.#here) throw new Error('assertion failed: it was booted');
    return this.#here;
  }
  /** Names of the node where its guest runs, and of the other one. */
  get here(): string {
    return this.#source.node.name;
  }
  get there(): string {
    return this.#lab.nodes.find(node => node !== this.#source.node)?.name ?? '';
  }
  /** Of the QEMU in which its guest runs: the shell and nsenter that start it become it. */
  get pid(): number | undefined {
    return this.#source.child.pid;
  }

  /** To the other node, `preempt`: with the capability on both sides. */
  async move(preempt: boolean): Promise<DirectMove> {
    const source = this.#source;
    const decided = clock.nowMs();
    const target = await this.#start(
      this.#lab.nodes.find(node => node !== source.node),
      true,
    );
    this.#there = target;
    for (const { qmp } of [source, target]) await prepare(qmp, preempt);
    const uri = `tcp:${target.node.address}:${PORT}`;
    await target.qmp.execute('migrate-incoming', { uri });
    source.at.clear();
    const migrate = clock.nowMs();
    await source.qmp.execute('migrate', { uri });
    await seen(source, 'active');
    await source.qmp.execute('migrate-start-postcopy');
    await Promise.all([seen(source, 'completed'), seen(target, 'completed'), seen(target, 'RESUME')]);
    const of = (side: Side, what: string) => side.at.get(what) ?? -1;
    const figures = asked(
      await source.qmp.execute('query-migrate'),
      await target.qmp.execute('query-migrate'),
    );
    await stop(source);
    [this.#here, this.#there] = [target, undefined];
    const stopped = of(source, 'STOP');
    const [resumed, transferred] = [of(target, 'RESUME'), of(target, 'completed')];
    return { ...figures, at: { decided, migrate, stopped, resumed, transferred } };
  }

  /** To the node of that name, if its guest is on the other one. */
  async bring(node: string): Promise<void> {
    if (this.here !== node) await this.move(false);
  }

  async end(): Promise<void> {
    this.guest.close();
    for (const side of [this.#here, this.#there]) if (side) await stop(side);
  }

  async #start(node: LabNode | undefined, incoming: boolean): Promise<Side> {
    if (!node) throw new Error('assertion failed: a pair has two nodes');
    const paths = vmPaths(join(node.runDir, 'direct'), node.ramDir, VM);
    for (const dir of [paths.dir, dirname(paths.ram)]) mkdirSync(dir, { recursive: true });
    rmSync(paths.ram, { force: true });
    // Without -S it goes on at the target by itself, as it does from QEMU to QEMU.
    const args = qemuArgs(this.#spec, paths, { accel: 'tcg', incoming }).filter(arg => arg !== '-S');
    const groups = node.cgroups.vms.map(dir => `echo $$ > ${dir}/cgroup.procs`).join(' && ') || ':';
    const inside = ['nsenter', `--net=/run/netns/${node.netns}`, 'qemu-system-x86_64', ...args];
    const out = openSync(paths.log, 'a');
    const child = spawn('sh', ['-c', `${groups} && exec "$@"`, 'sh', ...inside], {
      stdio: ['ignore', out, out],
    });
    closeSync(out);
    const qmp = await opened(paths.qmp, child, paths.log);
    const at = new Map<string, number>();
    qmp.onEvent(({ event, data }) => {
      const what = event === 'MIGRATION' ? String(data.status) : event;
      if (!at.has(what)) at.set(what, clock.nowMs());
    });
    return { node, child, qmp, at };
  }
}

async function prepare(qmp: Qmp, preempt: boolean): Promise<void> {
  const on = { events: true, 'return-path': true, 'postcopy-ram': true, 'postcopy-blocktime': true };
  const wanted = Object.entries({ ...on, 'postcopy-preempt': preempt });
  const capabilities = wanted.map(([capability, state]) => ({ capability, state }));
  await qmp.execute('migrate-set-capabilities', { capabilities });
  await qmp.execute('migrate-set-parameters', { 'max-bandwidth': BEFORE_POSTCOPY_BPS });
}

async function opened(path: string, child: ChildProcess, log: string): Promise<Qmp> {
  const untilMs = Date.now() + START_MS;
  for (;;) {
    const qmp = await Qmp.open(path, START_MS).catch(() => undefined);
    if (qmp) return qmp;
    if (child.exitCode !== null || Date.now() > untilMs)
      throw new ShoalError('SHOAL_BENCH_QEMU', 'QEMU did not start', log, 'Read its log');
    await sleep(50);
  }
}

async function seen({ at, child, node }: Side, what: string): Promise<void> {
  const untilMs = Date.now() + MOVE_MAX_MS;
  while (!at.has(what)) {
    if (at.has('failed') || child.exitCode !== null || Date.now() > untilMs)
      throw new ShoalError('SHOAL_BENCH_QEMU', `its post-copy never came to ${what}`, node.name, '');
    await sleep(5);
  }
}

async function stop({ qmp, child }: Side): Promise<void> {
  qmp.close();
  child.kill('SIGKILL');
  while (child.exitCode === null && child.signalCode === null) await sleep(20);
}
