/** Runs the staircase on two real nodes and two real VMs, and writes down what happened. */
import { setTimeout as sleep } from 'node:timers/promises';
import { clock } from '@shoal/agent/edge/clock';
import type { ClusterStatus, HandoffStatus } from '@shoal/agent/edge/http/api.types';
import type { Engine } from '@shoal/protocol';
import type { GuestPort } from '../lab/guest-port.ts';
import { bringUp, type Lab } from '../lab/index.ts';
import { machineFacts } from '../lab/machine.ts';
import { watchStrangers } from '../lab/strangers.ts';
import type { Live } from './live.ts';
import { judgeRun, type Move, moveOf, type Report, type Sample } from './report.ts';
import { staircaseMs, VM0_PERCENT, vm1Percent } from './staircase.ts';

export type DemoOptions = { engine: Engine; stepMs: number; memoryMib: number; filledMib: number };

/** After the last step: a window, a cooldown and a move fit in twice over. */
const REST_MAX_MS = 60_000;
const SAMPLE_MS = 1000;
/** A full window before the first step, so that the rule sees the load and not the boot. */
const SETTLE_MS = 12_000;
/** Longer than any boot, which the rule would take for an overload; should the demo die, the mesh goes on by itself. */
const PAUSE_MS = 600_000;

export async function runDemo(options: DemoOptions, live: Live): Promise<Report> {
  live.tell('· two nodes of one core each, a 1 Gbit/s link between them');
  const lab = await bringUp(
    {
      nodes: 2,
      driver: 'qemu',
      net: 'netns',
      link: '1gbit',
      cores: 'own',
      name: 'demo',
      engine: options.engine,
    },
    line => live.tell(`· ${line}`),
  );
  try {
    return await withLab(lab, options, live);
  } finally {
    await lab.down();
  }
}

async function withLab(lab: Lab, options: DemoOptions, live: Live): Promise<Report> {
  for (const note of lab.notes) live.tell(`! ${note}`);
  const guests = new Map<string, GuestPort>();
  live.tell('· pausing the rule: two VMs that boot on one core are an overload');
  await lab.node('node0').post('/v1/mesh/actions/pause', { ttlMs: PAUSE_MS });
  for (const name of ['vm0', 'vm1']) {
    live.tell(
      `· starting ${name} on node0: ${options.memoryMib} MiB, ${options.filledMib} MiB filled with a pattern`,
    );
    await lab.runVm('node0', { name, memoryMib: options.memoryMib });
    const guest = await lab.guest(name);
    await guest.command(`fill ${options.filledMib}`);
    guests.set(name, guest);
  }
  await guests.get('vm0')?.command(`load ${VM0_PERCENT}`);
  await guests.get('vm1')?.command('load 0');
  live.tell('· letting both run for a full window');
  await sleep(SETTLE_MS);
  await lab.node('node0').post('/v1/mesh/actions/resume');
  return staircase(lab, options, guests, live);
}

async function staircase(
  lab: Lab,
  options: DemoOptions,
  guests: Map<string, GuestPort>,
  live: Live,
): Promise<Report> {
  const startedAtMs = clock.nowMs();
  const cpu = process.cpuUsage();
  const strangers = watchStrangers(
    [0, 1],
    lab.nodes.map(n => n.usage),
  );
  const samples: Sample[] = [];
  const moves = new Moves(lab, guests, startedAtMs, live);
  const totalMs = staircaseMs(options.stepMs);
  let wanted = 0;
  for (;;) {
    const atMs = clock.nowMs() - startedAtMs;
    const next = vm1Percent(atMs, options.stepMs);
    if (next !== wanted) {
      wanted = next;
      live.tell(`${stamp(atMs)} vm1 wants ${wanted} %`);
      await guests.get('vm1')?.command(`load ${wanted}`);
    }
    const status = await lab.node('node0').get<ClusterStatus>('/v1/status');
    const sample = sampleOf(status, atMs);
    samples.push(sample);
    await moves.look();
    live.draw(sample, wanted, totalMs);
    const packed = new Set(Object.values(sample.on)).size === 1;
    if (atMs > totalMs && ((packed && moves.settled) || atMs > totalMs + REST_MAX_MS)) break;
    await sleep(Math.max(0, SAMPLE_MS - (clock.nowMs() - startedAtMs - atMs)));
  }
  const spanMs = clock.nowMs() - startedAtMs;
  const used = process.cpuUsage(cpu);
  const own = (used.user + used.system) / 1000 / spanMs / 2;
  const strangersShare = Number(Math.max(0, strangers.stop() - own).toFixed(3));
  return {
    ...judgeRun(moves.list, samples, strangersShare),
    machine: machineFacts(),
    settings: { ...options, link: lab.shaped ? '1gbit' : 'none', nodes: 2 },
    strangersShare,
    moves: moves.list,
    samples,
  };
}

function sampleOf(status: ClusterStatus, atMs: number): Sample {
  const round = (value: number) => Number(value.toFixed(1));
  return {
    atMs: Math.round(atMs),
    nodes: Object.fromEntries(status.nodes.map(n => [n.name, round(n.cpuNowPercent)])),
    vms: Object.fromEntries(status.vms.map(v => [v.name, round(v.cpuNowPercent)])),
    on: Object.fromEntries(status.vms.map(v => [v.name, v.node])),
  };
}

const stamp = (ms: number): string => `${(ms / 1000).toFixed(0).padStart(4)} s `;

/** Follows the handoffs on both nodes, and lets each moved guest check its own memory. */
class Moves {
  readonly list: Move[] = [];
  readonly #lab: Lab;
  readonly #guests: Map<string, GuestPort>;
  readonly #startedAtMs: number;
  readonly #live: Live;
  readonly #seen = new Map<string, Move>();
  #checking = 0;

  constructor(lab: Lab, guests: Map<string, GuestPort>, startedAtMs: number, live: Live) {
    this.#lab = lab;
    this.#guests = guests;
    this.#startedAtMs = startedAtMs;
    this.#live = live;
  }

  /** Every move that was seen has ended and its guest has said how its memory is. */
  get settled(): boolean {
    return this.#checking === 0;
  }

  async look(): Promise<void> {
    const lists = await Promise.all(this.#lab.nodes.map(n => n.get<HandoffStatus[]>('/v1/handoffs')));
    const all = lists.flat();
    const sources = all.filter(h => h.role === 'source').sort((a, b) => a.at.decided - b.at.decided);
    for (const source of sources) {
      const target = all.find(h => h.handoff === source.handoff && h.role === 'target');
      if (source.outcome === 'refused') continue;
      if (!this.#seen.has(source.handoff)) this.#began(source);
      const move = this.#seen.get(source.handoff);
      const over = source.outcome !== '' && (source.outcome !== 'done' || target?.outcome === 'done');
      if (move?.outcome !== '' || !over) continue;
      Object.assign(move, { ...moveOf(source, target, this.#startedAtMs), badPages: -1 });
      this.#ended(move);
    }
  }

  #began(source: HandoffStatus): void {
    const move = { ...moveOf(source, undefined, this.#startedAtMs), outcome: '' };
    this.#seen.set(source.handoff, move);
    this.list.push(move);
    this.#checking += 1;
    this.#live.tell(
      `${stamp(move.decidedAtMs)} ${move.vm} leaves ${move.from} for ${move.to}: ${move.reason}`,
    );
  }

  #ended(move: Move): void {
    const { vm, switchMs, blackoutMs, transferMs, outcome } = move;
    this.#live.tell(
      `       ${vm} ${outcome === 'done' ? 'moved' : outcome}: switch ${switchMs} ms, blackout ${blackoutMs} ms, all memory in place after ${transferMs} ms`,
    );
    const guest = this.#guests.get(vm);
    const check = guest ? guest.verify() : Promise.resolve(-1);
    void check
      .catch(() => -1)
      .then(badPages => {
        move.badPages = badPages;
        this.#checking -= 1;
        this.#live.tell(
          `       ${vm} has checked its memory: ${badPages < 0 ? 'no answer' : `${badPages} bad pages`}`,
        );
      });
  }
}
