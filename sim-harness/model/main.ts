/** `npm run model`: the handoff tables, explored by spin. */
import { ShoalError } from '@shoal/agent';
import { repositoryRoot } from '../guest/root.ts';
import { type Command, parseCommand, USAGE } from './arguments.ts';
import { type Checked, checkEngine, checkPlant } from './check.ts';
import { modelOf, textOf } from './engines.ts';
import type { Plant } from './plants.ts';
import { fullOf, quickOf } from './searches.ts';
import { worldText } from './spin.ts';

const print = (line: string): void => void process.stdout.write(`${line}\n`);

const figures = ({ states, depth, seconds, memoryMb }: Checked): string =>
  `${states} states, ${depth} deep, ${seconds.toFixed(1)} s, ${Math.round(memoryMb)} MB`;

const told = ({ fault, trail }: Checked): string[] => [fault, ...trail].map(line => `    ${line}`);

async function searchAll(command: Extract<Command, { do: 'search' }>, world: string): Promise<number> {
  let code = 0;
  for (const engine of command.engines) {
    for (const wanted of command.quick ? [quickOf(engine)] : fullOf(engine)) {
      const checked = await checkEngine(engine, wanted, world, command.limits);
      if (checked.outcome === 'broken') code = 1;
      else if (checked.outcome === 'bounded' && code === 0) code = 3;
      if (command.json) print(JSON.stringify(checked));
      else print(`${checked.outcome.padEnd(7)} ${engine} ${wanted.name}: ${figures(checked)}`);
      if (!command.json && checked.outcome === 'broken') print(told(checked).join('\n'));
    }
  }
  return code;
}

async function plantAll(command: Extract<Command, { do: 'plants' }>, world: string): Promise<number> {
  let missed = 0;
  for (const plant of command.plants) {
    const checked = await checkPlant(plant, world, command.limits);
    const found = checked.outcome === 'broken';
    if (!found) missed += 1;
    if (command.json) print(JSON.stringify({ found, what: plant.what, ...checked }));
    else print(line(plant, checked, found));
    if (!command.json && command.plants.length === 1) print(told(checked).join('\n'));
  }
  if (!command.json)
    print(`${command.plants.length - missed} of ${command.plants.length} planted faults found`);
  return missed > 0 ? 1 : 0;
}

const line = (plant: Plant, checked: Checked, found: boolean): string =>
  `${found ? 'found ' : 'MISSED'} ${plant.name}: ${plant.what}; ${figures(checked)}`;

async function main(args: string[]): Promise<number> {
  const command = parseCommand(args);
  if (command.do === 'help') {
    print(USAGE.trimEnd());
    return 0;
  }
  const world = await worldText(repositoryRoot());
  if (command.do === 'print') {
    print(textOf(modelOf(command.engine), quickOf(command.engine).mixes, world).text);
    return 0;
  }
  return command.do === 'plants' ? plantAll(command, world) : searchAll(command, world);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const { code = '' } = error as { code?: string };
  const known = error instanceof ShoalError || code.startsWith('ERR_PARSE_ARGS');
  process.stderr.write(`${known ? String((error as Error).message) : String((error as Error).stack)}\n`);
  process.exitCode = code === 'SHOAL_MODEL_ARGS' || code.startsWith('ERR_PARSE_ARGS') ? 2 : 1;
}
