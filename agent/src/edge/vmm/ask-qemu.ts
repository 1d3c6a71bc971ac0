/**
 * What a QEMU says of itself. It is started as the target of a move without a machine, for only then it looks at what the
 * host lets it do before it takes a capability (QEMU migration/options.c, `migrate_caps_check`), and told what each engine
 * would set. It runs no guest and is ended in any case.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { Engine } from '@shoal/protocol';
import { JsonLines } from '../json-lines.ts';
import { capabilitiesFor } from './capabilities.ts';
import { MACHINES } from './qemu-args.ts';

/** A busy node needs a second or two to start QEMU. */
const PATIENCE_MS = 10_000;
const LINE_MAX = 2 ** 20;
const ASKED = ['postcopy', 'qemu-postcopy'] as const satisfies readonly Engine[];
/** The id of that question. */
const LISTED = 'machines';
const ARGS = [
  ...['-machine', 'none', '-nodefaults', '-no-user-config', '-display', 'none'],
  ...['-incoming', 'defer', '-S', '-qmp', 'stdio'],
];

export type QemuAnswer = {
  version: string;
  /** Why a move by that engine is refused, in QEMU's words; empty = it is not. */
  refused: Record<(typeof ASKED)[number], string>;
  /** Machines that VMs here are made of and that it does not know. */
  lacks: string[];
  /** Why it runs without the preload; empty = it has it. */
  preload: string;
};

type Host = {
  /** As in `vms.qemu`. */
  qemu: string;
  /** Path of the preload; empty = none. */
  preload: string;
  /** The user of the VMs, when it is another than this one. */
  user: { uid: number; gid: number } | undefined;
};

/** Rejects with one sentence when QEMU does not start or does not answer. */
export async function askQemu({ qemu, preload, user }: Host): Promise<QemuAnswer> {
  const child = spawn(qemu, ARGS, {
    cwd: '/',
    env: { PATH: process.env.PATH, ...(preload && { LD_PRELOAD: preload }) },
    ...user,
  });
  let said = '';
  child.stderr.on('data', data => {
    said += data;
  });
  // A pipe to one that has ended: its exit is told below.
  child.stdin.on('error', () => undefined);
  const closed = new Promise(resolve => child.once('close', resolve));
  try {
    const { version, answers } = await conversation(child, () => lastLine(said));
    child.kill('SIGKILL');
    // Its log comes by another pipe than its answers.
    await closed;
    const listed = (answers.get(LISTED)?.return ?? []) as { name: string }[];
    const known = new Set(listed.map(({ name }) => name));
    const refused = (answer: Record<string, unknown> | undefined) => {
      const { desc } = (answer?.error ?? {}) as { desc?: string };
      return desc ? [desc, reason(said)].filter(Boolean).join(': ') : '';
    };
    return {
      version,
      refused: {
        postcopy: refused(answers.get('postcopy')),
        'qemu-postcopy': refused(answers.get('qemu-postcopy')),
      },
      lacks: Object.values(MACHINES).filter(name => !known.has(name)),
      // The loader's word (ld.so(8)); it goes on without.
      preload: said.split('\n').find(line => line.includes('LD_PRELOAD cannot be preloaded')) ?? '',
    };
  } finally {
    child.kill('SIGKILL');
  }
}

type Conversation = { version: string; answers: Map<string, Record<string, unknown>> };

function conversation(child: ChildProcessWithoutNullStreams, lastWord: () => string): Promise<Conversation> {
  const lines = new JsonLines(LINE_MAX);
  const answers: Conversation['answers'] = new Map();
  let version = '';
  const ask = (id: string, execute: string, args = {}) =>
    child.stdin.write(`${JSON.stringify({ execute, arguments: args, id })}\n`);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('it does not answer')), PATIENCE_MS);
    const fail = (error: Error) => {
      clearTimeout(timer);
      reject(error);
    };
    const take = (line: Record<string, unknown>) => {
      if (line.QMP) {
        version = versionOf(line.QMP);
        ask('', 'qmp_capabilities');
        ask(LISTED, 'query-machines');
        for (const engine of ASKED)
          ask(engine, 'migrate-set-capabilities', { capabilities: capabilitiesFor(engine, 'qemu') });
      }
      if (typeof line.id === 'string') answers.set(line.id, line);
      if (![LISTED, ...ASKED].every(id => answers.has(id))) return;
      clearTimeout(timer);
      resolve({ version, answers });
    };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      try {
        for (const line of lines.push(text)) take(line);
      } catch (error) {
        fail(error as Error);
      }
    });
    child.once('error', fail);
    child.once('close', code => fail(new Error(`it ended with ${code}: ${lastWord()}`)));
  });
}

function versionOf(greeting: unknown): string {
  const { version } = greeting as { version?: { qemu?: Record<string, number> } };
  const { major, minor, micro } = version?.qemu ?? {};
  return `${major}.${minor}.${micro}`;
}

const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';

/** QEMU before 8.1 says why post-copy is not supported on its log only. */
const reason = (said: string): string =>
  said
    .split('\n')
    .find(line => line.startsWith('postcopy_ram_supported_by_host: '))
    ?.split(': ')
    .slice(1)
    .join(': ') ?? '';
