/** Prints `docs/reference/cli.md`: `node --conditions=source --import tsx agent/src/cli/reference.ts > docs/reference/cli.md`. */
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { createProgram } from './program.ts';

export function cliReference(): string {
  const quiet = () => undefined;
  const terminal = {
    out: quiet,
    note: quiet,
    outTty: false,
    noteTty: false,
    env: {},
    now: () => 0,
    sleep: async () => undefined,
  };
  const program = createProgram(terminal, { code: 0 });
  const rows = (command: Command, prefix: string): string[] => {
    const name = `${prefix}${command.name()}`;
    if (command.commands.length > 0) return command.commands.flatMap(c => rows(c, `${name} `));
    const takes = command.registeredArguments
      .map(a => (a.required ? ` <${a.name()}>` : ` [${a.name()}]`))
      .join('');
    const options = command.options.map(o => `| | \`${o.flags}\` | ${o.description} |`);
    return [`| \`${name}${takes}\` | | ${command.description()} |`, ...options];
  };
  const commands = program.commands.flatMap(command => rows(command, ''));
  const globals = program.options.filter(o => !o.hidden).map(o => `| \`${o.flags}\` | ${o.description} |`);
  return `# The command line

\`shoal\` talks to the agent of its machine over the unix socket, or with \`--node\` to any node: over HTTP for reads alone, over
HTTPS with a token for all but consoles. \`shoald\` is the agent: \`shoald --help\`.

    shoal token create --role operate --name ann > ~/.shoal-token && chmod 600 ~/.shoal-token
    shoal --node https://node0:7422 --token-file ~/.shoal-token --fingerprint sha256:… migrate web1

## Options of every command

| option | meaning |
| --- | --- |
${globals.join('\n')}

Times are a number and a unit: \`250ms\`, \`90s\`, \`10m\`, \`2h\`, \`1d\`.

## Commands

| command | option | what it does |
| --- | --- | --- |
${commands.join('\n')}

\`migrate\` without a node takes the awake peer with the least CPU and room. A VM is named by its name or UUID, and changed by the node that has it: another node asks there for whoever shows a token that both know, and says which it is to whoever shows none.
Asked so at another node \`migrate\` takes no \`--compression\`, \`--bandwidth\` or \`--early-release\`, and of the engines only \`postcopy\` and
\`precopy\`: the rest is refused there, with the name of the node to ask. \`--wait\` follows the move from any node: with all figures
where the source or target is asked or answers over \`http.listen\`, else by what the asked node hears of it.
\`--bandwidth\` holds for the whole move, and a move cannot be cancelled after its commit: less than 1 MB/s is refused.
\`--json\` prints what the agent answered (shapes: \`agent/src/edge/http/api.types.ts\`), \`{}\` for a change that has nothing
to tell, \`{would}\` with \`--dry-run\`; \`doctor --json\` prints \`{"checks":[{"name","state","found","todo"}]}\` with \`state\` one of \`ok\`, \`warn\`, \`fail\`.
Colour is used on terminals only, and not with \`NO_COLOR\`. \`shoal console\` gives the terminal to the guest until Ctrl-];
a second one of the same VM stays silent until the first has left. It needs root: a VM's sockets belong to the user that
the VM runs as.

## Exit codes

| code | meaning |
| --- | --- |
| 0 | done |
| 1 | refused or failed, in one line on standard error; \`migrate --wait\`: the VM did not move; \`doctor\`: a check failed |
| 2 | bad usage |

This page is printed from \`program.ts\` by \`agent/src/cli/reference.ts\`; a test holds them equal.
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.stdout.write(cliReference());
