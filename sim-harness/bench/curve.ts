/**
 * `npm run bench -- curve [--windows 32k,64k,128k,256k,1m,auto] [--link 1gbit] [--classes fifo,htb] [--memory 1024] [--filled 700] [--load 50] [--qemu] [--runs 6] [--svg FILE] [--json]`
 * What the bulk window trades: page payload a second as a share of raw TCP, against how much longer than a round trip an
 * urgent page takes. One VM goes to and fro, once per window and kind of link in each turn; raw TCP and the round trip are
 * measured right before each move, on the same link, idle. With `--qemu` QEMU's own post-copy takes part, over our channel.
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
import { linkFigures } from './link-figures.ts';
import { oneMove, TICK_MS } from './one-move.ts';
import { choices, number, windows } from './options.ts';

const STRANGERS_MAX_SHARE = 0.15;
const TRIES_PER_RUN = 3;
const RAW_SECONDS = 2;
/** Beside the transfer and the check of the memory: what is measured of the link, and the guest's steady time. */
const PER_MOVE_S = 8;
const CHECKED_MIB_PER_S = 100;
const LINK_MIB_PER_S = 112;
const BEGIN_S = 20;

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
      runs: { type: 'string', default: '6' },
      svg: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const arms = armsOf(
    windows('--windows', values.windows),
    choices('--classes', values.classes, ['fifo', 'htb']),
    values.qemu,
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
  try {
    await lab.runVm('node0', { name: 'bench', memoryMib: memory });
    const guest = await lab.guest('bench');
    await guest.command(`fill ${filled}`, 120_000);
    await guest.command(`ticks ${TICK_MS}`);
    const points = new Map<CurveArm, CurvePoint[]>(arms.map(arm => [arm, []]));
    let discarded = 0;
    for (let turn = 1; turn <= runs; turn++) {
      for (const [arm, kept] of points) {
        for (let tries = 0; tries < TRIES_PER_RUN && kept.length < turn; tries++) {
          const { point, strangersShare, urgentClassBytes } = await onePoint(
            lab,
            guest,
            arm,
            values.link,
            load,
          );
          const fine = strangersShare <= STRANGERS_MAX_SHARE;
          if (fine) kept.push(point);
          else discarded += 1;
          say(
            `${armName(arm)} ${turn}: ${point.share} of ${point.rawTcpMbit} Mbit/s, faults ${point.faults}, over a round trip of ${point.rttUs} us p50 ${point.p50OverUs} p99 ${point.p99OverUs} us, ${(urgentClassBytes / 1e6).toFixed(1)} MB by the urgent class, others ${Math.round(strangersShare * 100)} %${fine ? '' : ': discarded'}`,
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
    process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : curveTable(rows));
    return rows.every(row => row.runs === runs) ? 0 : 2;
  } finally {
    await lab.down();
  }
}

/** Every window on every kind of link, then QEMU's own there. Pure. */
export function armsOf(
  sizes: readonly number[],
  kinds: readonly CurveArm['kind'][],
  qemu: boolean,
): CurveArm[] {
  return kinds.flatMap(kind => [
    ...sizes.map(window => ({ kind, engine: 'postcopy', window }) as const),
    ...(qemu ? [{ kind, engine: 'qemu-postcopy' } as const] : []),
  ]);
}

async function onePoint(lab: Lab, guest: GuestPort, arm: CurveArm, rate: string, load: number) {
  await guest.command('load 0');
  await lab.reshape(rate, arm.kind);
  const link = await linkFigures(lab, RAW_SECONDS);
  await guest.command(`load ${load}`);
  const before = await lab.urgentClassBytes();
  const which = arm.engine === 'postcopy' ? (`postcopy:window-${arm.window}` as const) : arm.engine;
  const { result, strangersShare } = await oneMove(lab, guest, which, []);
  const urgentClassBytes = (await lab.urgentClassBytes()) - before;
  return { point: curvePoint(result, link), strangersShare, urgentClassBytes };
}
