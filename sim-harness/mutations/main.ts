/**
 * `npm run mutations [-- --only NAME] [--all] [--json]`: plants each fault in a copy of this tree and sees who notices;
 * with `--all` also who does not, of those who need not. Exit codes: 0 every fault was noticed by all who must, 1 one was not, 2 bad arguments.
 */
import { parseArgs } from 'node:util';
import { repositoryRoot } from '../guest/root.ts';
import { MUTATIONS } from './mutations.ts';
import { runMutations, unsound } from './run.ts';
import { legend, line, matrix, table } from './table.ts';
import { Tree } from './tree.ts';
import type { Row } from './types.ts';

const USAGE = `usage: npm run mutations [-- --only NAME] [--all] [--json]\n`;

async function main(args: string[]): Promise<number> {
  const { only, all, json, help } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      all: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  }).values;
  if (help) {
    process.stdout.write(`${USAGE}${legend()}\n`);
    return 0;
  }
  const mutations = MUTATIONS.filter(m => !only || m.name === only);
  if (mutations.length === 0) {
    process.stderr.write(`mutations: there is no mutation ${only}; there are\n${legend()}\n`);
    return 2;
  }
  const tree = new Tree(repositoryRoot());
  try {
    const faults = await unsound(tree, mutations, all);
    if (faults.length > 0) {
      process.stderr.write(`${faults.join('\n')}\n`);
      return 1;
    }
    const tell = (row: Row) => json || process.stderr.write(`${line(row)}\n`);
    const rows = await runMutations(tree, mutations, tell, all);
    process.stdout.write(
      json ? `${JSON.stringify(rows, null, 2)}\n` : `${all ? matrix(rows) : table(rows)}\n`,
    );
    return rows.every(r => r.outcome === 'caught' || (r.outcome === 'missed' && !r.must)) ? 0 : 1;
  } finally {
    await tree.remove();
  }
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  const usage = (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  process.stderr.write(
    `mutations: ${usage ? `${(error as Error).message}\n${USAGE}` : (error as Error).stack}\n`,
  );
  process.exit(usage ? 2 : 1);
}
