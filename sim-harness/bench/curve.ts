/**
 * `npm run bench -- curve [--windows 32k,64k,128k,256k,1m,auto] [--link 1gbit] [--classes fifo,htb] [--memory 1024] [--filled 700] [--load 50] [--qemu] [--preempt] [--runs 6] [--svg FILE] [--json]`
 * What the bulk window trades: page payload a second as a share of raw TCP, against how much longer than a round trip an
 * urgent page takes. One VM goes to and fro, once per window and kind of link in each turn; raw TCP and the round trip are
 * measured right before each move, on the same link, idle. With `--qemu` QEMU's own post-copy takes part, over our channel; with
 * `--preempt` also from QEMU to QEMU (plain TCP, unencrypted), without and with `postcopy-preempt`, which tells the mean wait alone.
 * Discarded, by a rule fixed here: a move in which others used more than 15 % of the cores.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { bringUp, type GuestPort, type Lab } from '../lab/index.ts';
import { machineFacts } from '../lab/machine.ts';
import { curveChart } from './curve-chart.ts';
import {
  armName,
  type CurveArm,
  type CurvePoint,
  curvePoint,
  curveRow,
  curveTable,
} from './curve-figures.ts';
import { directMove } from './direct-move.ts';
import { linkFigures } from './link-figures.ts';
import { type Arm, oneMove, TICK_MS } from './one-move.ts';
import { choices, number, windows } from './options.ts';
import { QemuPair } from './qemu-pair.ts';

const STRANGERS_MAX_SHARE = 0.15;
const TRIES_PER_RUN = 3;
const RAW_SECONDS = 2;
/** Beside the transfer and the check of the memory: what is measured of the link, and the guest's steady time. */
const PER_MOVE_S = 8;
const CHECKED_MIB_PER_S = 100;
const LINK_MIB_PER_S = 112;
const BEGIN_S = 20;

const NOTES = `- = not measured. qemu-postcopy rides the encrypted channel of the page servers, which see no faults of it. qemu-direct and
qemu-preempt (postcopy-preempt) go from QEMU to QEMU over plain TCP without agents: of waits QEMU 7.2 tells the mean alone, the
vCPU's blocktime over the pages that were asked for. The round trip is the least that the kernel saw.
`;
const DIRECT = ['qemu-direct', 'qemu-preempt'] as const;
type OtherEngine = Exclude<CurveArm['engine'], 'postcopy'>;

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      windows: { type: 'string', default: '32k,64k,128k,256k,1m,auto' },
      classes: { type: 'string', default: 'fifo,htb' },
      link: { type: 'string', default: '1gbit' },
      memory: { type: 'string', default: '1024' },
      filled: { type: 'string', default: '700' },
      load: { type: 'string', default: '50' },
      qemu: { type: 'boolean', default: false },
      preempt: { type: 'boolean', default: false },
      runs: { type: 'string', default: '6' },
      svg: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const arms = armsOf(
    windows('--windows', values.windows),
    choices('--classes', values.classes, ['fifo', 'htb']),
    [...(values.qemu ? ['qemu-postcopy' as const] : []), ...(values.preempt ? DIRECT : [])],
  );
  const [memory, filled, load, runs] = [
    number('--memory', values.memory, 65_536),
    number('--filled', values.filled, 65_536),
    number('--load', values.load, 100),
    number('--runs', values.runs, 1000),
  ];
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const perMove = PER_MOVE_S + filled / CHECKED_MIB_PER_S + filled / LINK_MIB_PER_S;
  const minutes = Math.ceil((BEGIN_S + arms.length * runs * perMove) / 60);
  say(`${arms.length * runs} moves, about ${minutes} minutes on a quiet machine at 1gbit`);
  say(
    `a move in which others used more than ${STRANGERS_MAX_SHARE * 100} % of the cores is discarded, and made again at most ${TRIES_PER_RUN - 1} times`,
  );
  const options = { name: 'curve', nodes: 2, driver: 'qemu', net: 'netns', cores: 'own' } as const;
  const lab = await bringUp({ ...options, link: values.link, mode: 'observe' }, say);
  let pair: QemuPair | undefined;
  try {
    await lab.runVm('node0', { name: 'bench', memoryMib: memory });
    const guest = await lab.guest('bench');
    await guest.command(`fill ${filled}`, 120_000);
    await guest.command('load 0');
    if (values.preempt) {
      pair = await QemuPair.boot(lab, memory);
      await pair.guest.command(`fill ${filled}`, 120_000);
      await pair.guest.command('load 0');
    }
    const points = new Map<CurveArm, CurvePoint[]>(arms.map(arm => [arm, []]));
    let discarded = 0;
    for (let turn = 1; turn <= runs; turn++) {
      for (const [arm, kept] of points) {
        for (let tries = 0; tries < TRIES_PER_RUN && kept.length < turn; tries++) {
          const { point, strangersShare, urgentClassBytes } = await onePoint(
            lab,
            guest,
            pair,
            arm,
            values.link,
            load,
          );
          const fine = strangersShare <= STRANGERS_MAX_SHARE;
          if (fine) kept.push(point);
          else discarded += 1;
          say(
            `${armName(arm)} ${turn}: ${point.share} of ${point.rawTcpMbit} Mbit/s, faults ${point.faults}, over a round trip of ${point.rttUs} us p50 ${point.p50OverUs} p99 ${point.p99OverUs} mean ${point.meanOverUs} us, ${(urgentClassBytes / 1e6).toFixed(1)} MB by the urgent class, others ${Math.round(strangersShare * 100)} %${fine ? '' : ': discarded'}`,
          );
        }
      }
    }
    const rows = [...points].map(([arm, of]) => curveRow(arm, of));
    if (values.svg) writeFileSync(values.svg, curveChart(rows));
    const machine = machineFacts();
    const report = {
      machine,
      link: values.link,
      vm: { memoryMib: memory, filledMib: filled, loadPercent: load },
      discarded,
      rows,
      points: [...points].map(([arm, of]) => ({ arm, points: of })),
    };
    process.stdout.write(
      values.json ? `${JSON.stringify(report, null, 2)}\n` : `${curveTable(rows)}${NOTES}`,
    );
    return rows.every(row => row.runs === runs) ? 0 : 2;
  } finally {
    await pair?.end();
    await lab.down();
  }
}

/** Every window on every kind of link, then QEMU's own there. Pure. */
export function armsOf(
  sizes: readonly number[],
  kinds: readonly CurveArm['kind'][],
  others: readonly OtherEngine[],
): CurveArm[] {
  return kinds.flatMap(kind => [
    ...sizes.map(window => ({ kind, engine: 'postcopy', window }) as const),
    ...others.map(engine => ({ kind, engine })),
  ]);
}

async function onePoint(
  lab: Lab,
  ours: GuestPort,
  pair: QemuPair | undefined,
  arm: CurveArm,
  rate: string,
  load: number,
) {
  await lab.reshape(rate, arm.kind);
  const link = await linkFigures(lab, RAW_SECONDS);
  const isDirect = arm.engine === 'qemu-direct' || arm.engine === 'qemu-preempt';
  const guest = isDirect && pair ? pair.guest : ours;
  await guest.command(`load ${load}`);
  await guest.command(`ticks ${TICK_MS}`);
  try {
    if (isDirect && pair) {
      const { moved, strangersShare } = await directMove(lab, pair, arm.engine === 'qemu-preempt');
      return {
        point: curvePoint(moved, link),
        strangersShare,
        urgentClassBytes: await lab.urgentClassBytes(),
      };
    }
    const { result, strangersShare } = await oneMove(lab, guest, armOf(arm), []);
    // The class was made anew for this move.
    return {
      point: curvePoint(result, link),
      strangersShare,
      urgentClassBytes: await lab.urgentClassBytes(),
    };
  } finally {
    // The other guest of the two stands meanwhile.
    await guest.command('load 0');
    await guest.command('ticks 0');
  }
}

const armOf = (arm: CurveArm): Arm => {
  if (arm.engine === 'postcopy') return `postcopy:window-${arm.window}`;
  return 'qemu-postcopy';
};
