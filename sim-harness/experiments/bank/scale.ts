/** How many users there are and what a page costs: found once on a machine (`calibrate.ts`), then the same for all arms. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ShoalError } from '@shoal/agent';
import { repositoryRoot } from '../../guest/root.ts';
import type { Calibration } from './calibrate.ts';

/** The paper's own numbers, with pages of some 33 ms on the machine of decision 0025: both conditions of the rule held there. */
export const STANDARD: Calibration = { factor: 1, cost: 160 };

const file = (): string => join(repositoryRoot(), 'out', 'experiments', 'bank-scale.json');

/** This machine's, or the standard one. Throws SHOAL_EXPERIMENT_SCALE when the file says neither. */
export function scale(path = file()): Calibration {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return STANDARD;
  }
  const { factor, cost } = parsed(text);
  if (Number(factor) > 0 && Number(cost) > 0) return { factor: Number(factor), cost: Number(cost) };
  throw new ShoalError('SHOAL_EXPERIMENT_SCALE', 'it has no factor and cost above 0', path, 'Remove it');
}

const parsed = (text: string): Partial<Calibration> => {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
};

export function keepScale(found: Calibration, path = file()): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(found)}\n`);
  return path;
}
