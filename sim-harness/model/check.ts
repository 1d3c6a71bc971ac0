/** One engine searched, or one fault planted and looked for: what `npm run model` and its test do. */
import { type EngineName, modelOf, textOf } from './engines.ts';
import type { Plant } from './plants.ts';
import type { Search } from './searches.ts';
import { type Limits, search, type Verdict } from './spin.ts';

export type Checked = Verdict & { engine: EngineName; name: string };

export async function checkEngine(
  engine: EngineName,
  { name, mixes }: Search,
  world: string,
  limits: Limits,
): Promise<Checked> {
  const { text, defines } = textOf(modelOf(engine), mixes, world);
  return { engine, name, ...(await search(text, defines, limits)) };
}

/** `broken` is what is hoped for. */
export async function checkPlant(plant: Plant, world: string, limits: Limits): Promise<Checked> {
  const engine = 'postcopy';
  const { text, defines } = textOf(plant.plant(modelOf(engine)), [plant.mix], world);
  return { engine, name: plant.name, ...(await search(text, defines, limits)) };
}
