/**
 * One line an event: JSON on standard output, for journald and whoever collects it. Fields say what it is about, the
 * message is one sentence; words as in the glossary (ARCHITECTURE.md).
 */
import { type DestinationStream, pino } from 'pino';
import type { Config } from '../config/config.ts';

export type Logger = Record<'debug' | 'info' | 'warn' | 'error', (fields: object, message: string) => void>;

export type LogOptions = { level: Config['log']['level']; node: string };

/** Never printed, at the top of an event or one level down, whoever passes it by mistake. */
const SECRETS = ['key', 'privateKey', 'token', 'password', 'secret', 'authorization'];

/** `destination` is standard output unless a test wants the lines. Writes are synchronous: the last words of a crash count. */
export function createLog({ level, node }: LogOptions, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { node },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: SECRETS.flatMap(name => [name, `*.${name}`]), censor: '(secret)' },
  };
  return pino(options, destination ?? pino.destination({ fd: 1, sync: true }));
}
