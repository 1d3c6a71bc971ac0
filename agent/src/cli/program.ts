/** The commands of `shoal`, their arguments and options. What they do is in `reads`, `changes`, `people`, `doctor`. */
import { userInfo } from 'node:os';
import { Command, Option } from 'commander';
import { VERSION } from '../version.ts';
import {
  bandwidthOf,
  COMPRESSIONS,
  compressionOf,
  durationMs,
  ENGINES,
  engineOf,
  limitOf,
  orList,
  roleOf,
} from './arguments.ts';
import * as changes from './changes.ts';
import { Client } from './client.ts';
import { vmConsole } from './console.ts';
import { doctor } from './doctor.ts';
import * as members from './members.ts';
import * as people from './people.ts';
import { DEFAULT_CONFIG, DEFAULT_OPERATOR_KEY, DEFAULT_SOCKET } from './places.ts';
import * as reads from './reads.ts';
import type { ExitCode, Terminal } from './run.ts';
import type { Shell } from './shell.ts';
import { columnsOf, type Environment, isPlain, style, wantsColour } from './style.ts';

/** Of a terminal that does not say how wide it is. */
const COLUMNS_DEFAULT = 80;

type Globals = {
  socket: string;
  node?: string;
  /** The old name of `node`. */
  url?: string;
  tokenFile: string;
  fingerprint: string;
  json: boolean;
};

export function createProgram(terminal: Terminal, outcome: { code: ExitCode }): Command {
  const program = new Command('shoal')
    .description('Looks at a Shoal mesh and changes it. Any node answers for the whole cluster.')
    .option('--socket <path>', "the agent's unix socket: reads and changes", DEFAULT_SOCKET)
    .option(
      '--node <address>',
      'any node instead: http://host:port for reads, https://host:port with a token',
    )
    .addOption(new Option('--url <address>').hideHelp())
    .option('--token-file <file>', 'the token that HTTPS asks for; a file that nobody else may read', '')
    .option('--fingerprint <sha256>', 'of the certificate of that node, as its `shoal status` shows it', '')
    .option('--json', "print the agent's answer as it is", false)
    .version(VERSION, '-V, --version', 'print the version of this command')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: text => terminal.out(text),
      writeErr: text => terminal.note(text),
      outputError: (text, write) =>
        write(
          `shoal: ${text
            .replace(/^error: /, '')
            .trimEnd()
            .replace(/\.$/, '')}. See --help\n`,
        ),
    });
  const shell = (): Shell => {
    const { socket, url = '', node = url, tokenFile, fingerprint, json } = program.opts<Globals>();
    return {
      client: new Client({ socket, node, tokenFile, fingerprint, actor: actorOf(terminal.env) }),
      json,
      style: style(wantsColour(terminal.outTty, terminal.env)),
      now: terminal.now,
      sleep: terminal.sleep,
      out: terminal.out,
      note: terminal.note,
      live: terminal.noteTty && terminal.env.TERM !== 'dumb',
      plain: isPlain(terminal.env),
      columns: () => columnsOf(terminal.env) ?? terminal.noteColumns?.() ?? COLUMNS_DEFAULT,
    };
  };
  const command = (usage: string, what: string) => program.command(usage).description(what);
  const limit = ['--limit <rows>', 'newest rows to show, 1 to 500', limitOf, 20] as const;

  command('status', 'the cluster on one screen').action(() => reads.status(shell()));
  command('nodes', 'the nodes in full').action(() => reads.nodes(shell()));
  command('vms', 'the VMs in full').action(() => reads.vms(shell()));
  command('explain <name>', 'why a VM or node is as it is').action(name => reads.explain(shell(), name));
  command('handoffs [handoff]', 'running and ended handoffs; all figures of one, by its id or its VM')
    .option(...limit)
    .action((one, { limit }) =>
      one === undefined ? reads.handoffs(shell(), limit) : reads.handoff(shell(), one),
    );
  command('decisions', 'what the rule asked for and refused, and why')
    .option(...limit)
    .action(({ limit }) => reads.decisions(shell(), limit));

  const changing = (usage: string, what: string) =>
    command(usage, what).option('--dry-run', 'check it, say what it would do, and do nothing', false);
  const onVm = (name: string, action: 'start' | 'destroy' | 'cancel' | 'unpin', what: string) =>
    changing(`${name} <vm>`, what).action((vm, { dryRun }) => changes.onVm(shell(), dryRun, vm, action));

  changing('run <spec>', 'create and start a VM here from its YAML spec (- = standard input)').action(
    (file, { dryRun }) => changes.runVm(shell(), dryRun, file),
  );
  onVm('start', 'start', 'start a stopped or crashed VM again');
  changing('stop <vm>', 'ask the guest to power down, end it after 15 s').action((vm, { dryRun }) =>
    changes.stop(shell(), dryRun, vm),
  );
  onVm('destroy', 'destroy', 'end a VM and remove what was made for it; its disks stay');
  changing('migrate <vm> [node]', 'move a VM away from here, and pin it there for a while')
    .option('--engine <engine>', `${orList(ENGINES)} (default: the VM's)`, engineOf)
    .option('--compression <mode>', `${orList(COMPRESSIONS)}, by LZ4 (default: the node's)`, compressionOf)
    .option(
      '--bandwidth <rate>',
      "most of its pages a second: 100MiB, 100mbit; 1MB at least, 0 = no limit (default: the node's); fixed for the whole move",
      bandwidthOf,
    )
    .option('--early-release', 'give source memory back while its pages still come', false)
    .option('--wait', 'follow the handoff to its end; exit 1 if the VM did not move', false)
    .option('--timeout <time>', 'with --wait: how long, such as 90s (default: to its end)', durationMs)
    .action((vm, node, options) => changes.migrate(shell(), vm, node, options));
  onVm('cancel', 'cancel', 'give up the handoff of a VM, before its commit');
  changing('resolve <vm>', 'what is known of a handoff that does not end here; with a word, end it')
    .option('--peer-is-off', 'the other node has no power, proven, and gets none meanwhile', false)
    .option('--from-disk', 'the pages that are missing cannot come any more', false)
    .action((vm, options) => changes.resolve(shell(), vm, options));
  onVm('unpin', 'unpin', 'let the rule move a VM again');
  command(
    'console <vm>',
    'the serial console of a VM here, one person at a time; Ctrl-] leaves; needs root',
  ).action(vm => vmConsole(shell(), vm));

  changing('cordon', 'this node takes no more VMs').action(({ dryRun }) =>
    changes.onNode(shell(), dryRun, 'cordon'),
  );
  changing('uncordon', 'this node takes VMs again').action(({ dryRun }) =>
    changes.onNode(shell(), dryRun, 'uncordon'),
  );
  changing('sleep', 'send this node to sleep, if every member agrees')
    .option('--test', 'the supervised test: a peer wakes it after a while', false)
    .action(({ test, dryRun }) => changes.sleepNode(shell(), dryRun, test));
  changing('wake <node>', 'call a node that sleeps').action((node, { dryRun }) =>
    changes.wakeNode(shell(), dryRun, node),
  );
  changing('pause', 'no moves by the rule in the whole mesh for a while')
    .option('--for <time>', 'how long: 90s, 10m, 2h; a day at most', durationMs, 600_000)
    .action(options => changes.pause(shell(), options.dryRun, options.for));
  changing('resume', 'end the pause that was asked for here')
    .option('--key <file>', "with an operator's key: end the pauses of all nodes")
    .action(options =>
      options.key ? members.resumeAll(shell(), options) : changes.resume(shell(), options.dryRun),
    );
  changing('mode <mode>', 'observe, advise or auto on this node, over its configuration').action(
    (mode, { dryRun }) => changes.mode(shell(), dryRun, mode),
  );

  const token = command('token', 'tokens for HTTPS that this node knows').helpCommand(false);
  token
    .command('create')
    .description('make one, print it; it is told this once')
    .requiredOption('--role <role>', 'read, operate (changes) or admin (tokens, audit log too)', roleOf)
    .option('--name <name>', 'for people, in lists and the audit log', '')
    .option('--expires <time>', 'how long it is good: 12h, 90d (default: for ever)', durationMs, 0)
    .option('--key <file>', "an operator's key: for all nodes at once, not for this one alone")
    .action(options => people.createToken(shell(), options));
  token
    .command('list')
    .description('who they are, what they may, whether they are good')
    .option('--records', 'as `token add` takes them on another node', false)
    .action(({ records }) => people.listTokens(shell(), records));
  token
    .command('add <record>')
    .description('let this node know a token that was made on another')
    .action(record => people.addToken(shell(), record));
  token
    .command('revoke <token>')
    .description('by id or name: worth nothing from now on, here and on every node that hears of it')
    .option(
      '--key <file>',
      "an operator's key: a token of all nodes is withdrawn for good, also for nodes to come",
    )
    .action((id, options) => people.revokeToken(shell(), id, options));
  command('audit', 'who changed what on this node or through it')
    .option(...limit)
    .action(({ limit }) => people.audit(shell(), limit));
  const signed = (usage: string, what: string) =>
    changing(usage, what).option('--key <file>', "the operator's key that signs", DEFAULT_OPERATOR_KEY);
  command('members', 'who belongs to the mesh, and who was removed').action(() => members.members(shell()));
  signed('join <peer>', 'make the node of that peer id a member, on all nodes')
    .option('--name <name>', 'its name for people', '')
    .option('--address <multiaddr...>', 'where to dial it, such as /ip4/198.18.0.2/tcp/7420', [])
    .action((id, options) => members.join(shell(), id, options));
  signed('leave <node>', 'remove a member by name or peer id: it is cut off by all nodes').action(
    (node, options) => members.leave(shell(), node, options),
  );
  signed('policy [numbers...]', "the rule's numbers; `name=value` sets some of them on all nodes")
    .option('--reset', 'leave each node to its configuration again', false)
    .action((numbers, options) => members.policy(shell(), numbers, options));
  signed('keys <action>', "make or show an operator's key, or rotate: sign with another what it signed")
    .option('--to <file>', 'rotate: the new key')
    .action((action, options) => members.keys(shell(), action, options));

  command('doctor', 'check this machine, its configuration and its agent; exit 1 if a check fails')
    .option('--config <file>', `the agent's configuration (default: ${DEFAULT_CONFIG})`)
    .action(async ({ config }) => {
      outcome.code = await doctor(shell(), config);
    });
  command('version', 'versions of this command and of the agent').action(() => reads.version(shell()));
  return program;
}

/** Who sits here, for the audit log: behind `sudo` it is not root. */
function actorOf(env: Environment): string {
  try {
    return env.SUDO_USER || userInfo().username;
  } catch {
    // A uid without an entry in passwd(5).
    return `uid${process.getuid?.() ?? ''}`;
  }
}
