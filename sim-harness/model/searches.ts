/** What may go wrong in each search, and how often. Counts are of both sides together. Pure. */

import type { Engine } from '@shoal/protocol';

/** Names of `world.pml`; `loss`: words, `wf`: writes, `vmd`: VMMs, `ref`: refused `cont`, `pgd`: page servers, `words`: of operators. */
const FAULTS = [
  'crash',
  'power',
  'cut',
  'loss',
  'wf',
  'vmd',
  'ref',
  'pgd',
  'cancels',
  'words',
  'forever',
  'judge',
] as const;

export type Mix = Partial<Record<(typeof FAULTS)[number], number>>;
export type Search = { name: string; mixes: Mix[] };

/** A start that deals one of the mixes. */
export function dealt(mixes: readonly Mix[]): string {
  const each = mixes.map(mix => {
    const set = FAULTS.filter(f => mix[f]).map(f => `${f} = ${mix[f]}`);
    return ` :: ${set.join('; ') || 'skip'}`;
  });
  return `if${each.join('')} fi`;
}

/** In CI, with every change: one search, since to compile it takes longer than to run it. */
export const quickOf = (engine: Engine): Search => ({
  name: 'quick',
  mixes: engine === 'qemu-postcopy' ? QUICK_QEMU : QUICK,
});

const QUICK: Mix[] = [
  { crash: 1, wf: 1, ref: 1 },
  { crash: 2 },
  { cut: 1, loss: 1, judge: 1 },
  { vmd: 1, cancels: 1 },
  { pgd: 1, vmd: 1 },
  { power: 1, wf: 1 },
  { power: 2, words: 1 },
  { power: 1, forever: 1, words: 1 },
];

/** Its stream may break, be taken up again and break again: three times the states. */
const QUICK_QEMU: Mix[] = [
  { crash: 1, wf: 1 },
  { cut: 1, judge: 1 },
  { vmd: 1, ref: 1 },
  { pgd: 1 },
  { power: 1, words: 1 },
  { power: 1, forever: 1, words: 1 },
];

/** On demand; each is exhaustive within three gigabytes. */
export const fullOf = (engine: Engine): Search[] => (engine === 'qemu-postcopy' ? FULL_QEMU : FULL);

const FULL: Search[] = [
  { name: 'agents', mixes: [{ crash: 2, cut: 1, loss: 1, wf: 1, ref: 1, judge: 1 }] },
  { name: 'disks', mixes: [{ crash: 2, wf: 2, ref: 1, cancels: 1 }] },
  { name: 'vmms', mixes: [{ crash: 1, wf: 1, vmd: 2, ref: 1 }] },
  { name: 'pages', mixes: [{ crash: 1, cut: 1, pgd: 2 }] },
  { name: 'power', mixes: [{ power: 2, crash: 1, wf: 1, vmd: 1 }] },
  { name: 'operator', mixes: [{ power: 3, words: 2 }] },
  { name: 'gone for good', mixes: [{ power: 2, forever: 1, words: 1, wf: 1, vmd: 1 }] },
];

const FULL_QEMU: Search[] = [
  { name: 'agents', mixes: [{ crash: 2, cut: 1, wf: 1 }] },
  { name: 'words', mixes: [{ crash: 1, cut: 1, loss: 1, wf: 1, ref: 1, judge: 1 }] },
  { name: 'disks', mixes: [{ crash: 2, wf: 2, ref: 1, cancels: 1 }] },
  { name: 'vmms', mixes: [{ crash: 1, wf: 1, vmd: 2, ref: 1 }] },
  { name: 'pages', mixes: [{ crash: 1, cut: 1, pgd: 1 }, { pgd: 2 }] },
  {
    name: 'power',
    mixes: [
      { power: 2, wf: 1, vmd: 1 },
      { power: 1, crash: 1, wf: 1, vmd: 1 },
    ],
  },
  { name: 'operator', mixes: [{ power: 3, words: 2 }] },
  { name: 'gone for good', mixes: [{ power: 2, forever: 1, words: 1, wf: 1 }] },
];
