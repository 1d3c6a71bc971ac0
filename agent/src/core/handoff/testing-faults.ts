/** What may go wrong in the world of `testing.ts`, each as a share of its occasions, and the chance that decides it. */

export type Faults = {
  loss: number;
  duplicate: number;
  crash: number;
  writeFails: number;
  streamBreaks: number;
  vmmDies: number;
  contRefused: number;
  cancel: number;
  /** A node loses its power, and what was not synced. */
  power: number;
  /** An operator resolves, when the other node has no power. */
  resolve: number;
};

export const NO_FAULTS: Faults = {
  loss: 0,
  duplicate: 0,
  crash: 0,
  writeFails: 0,
  streamBreaks: 0,
  vmmDies: 0,
  contRefused: 0,
  cancel: 0,
  power: 0,
  resolve: 0,
};

/** mulberry32: small, seeded, good enough to choose the next step. */
export function chance(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
