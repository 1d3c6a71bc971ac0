/** `npm run lab -- up|status|cut|heal|kill|start|down`: a lab for people, which stays until `down`. */
import { availableParallelism } from 'node:os';
import { ShoalError } from '@shoal/agent';
import { type Command, parseCommand, USAGE } from './arguments.ts';
import { bringUp, type Lab, openLab, takeDown } from './index.ts';
import { statusOf, statusText } from './status.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const print = (line: string): void => void process.stdout.write(`${line}\n`);

type Up = Extract<Command, { verb: 'up' }>;

async function up({ options, vms, memoryMib }: Up): Promise<void> {
  say(
    `bringing up ${options.nodes} nodes (${options.driver}, ${options.net}, link ${options.link}, cores ${options.cores})`,
  );
  const lab = await bringUp(options, say);
  try {
    for (let i = 0; i < vms; i++) {
      const node = `node${i % options.nodes}`;
      say(`starting vm${i} on ${node}`);
      await lab.runVm(node, { name: `vm${i}`, memoryMib });
    }
  } catch (error) {
    await lab.down();
    throw error;
  }
  for (const note of lab.notes) print(`note: ${note}`);
  for (const node of lab.nodes) print(`${node.name}  ${node.http}  ${node.controlSocket}`);
  lab.leave();
}

async function withNode(lab: Lab, verb: 'kill' | 'start', name: string): Promise<void> {
  if (verb === 'start') return lab.startAgent(name);
  if (!lab.node(name).alive) throw new ShoalError('SHOAL_LAB_AGENT', 'its agent does not run', name, '');
  await lab.kill(name);
}

async function run(command: Command): Promise<void> {
  if (command.verb === 'help') return print(USAGE.trimEnd());
  if (command.verb === 'up') return up(command);
  if (command.verb === 'down') {
    const was = await takeDown(command.name);
    return print(was ? `lab ${command.name} is gone` : `there is no lab ${command.name}`);
  }
  const lab = await openLab(command.name);
  if (command.verb === 'status') {
    const status = await statusOf(lab);
    return print(command.json ? JSON.stringify(status, null, 2) : statusText(status));
  }
  if (command.verb === 'kill' || command.verb === 'start') return withNode(lab, command.verb, command.node);
  return command.verb === 'cut' ? lab.cut(command.a, command.b) : lab.heal(command.a, command.b);
}

try {
  await run(parseCommand(process.argv.slice(2), availableParallelism()));
  process.exit(0);
} catch (error) {
  const usage = (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  const ours = error instanceof ShoalError;
  say(`lab: ${ours ? error.line() : usage ? (error as Error).message : (error as Error).stack}`);
  const badArguments = usage || (ours && ['SHOAL_LAB_ARGS', 'SHOAL_LAB_NODE'].includes(error.code));
  process.exit(badArguments ? 2 : 1);
}
