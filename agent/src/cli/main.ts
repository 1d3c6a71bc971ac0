#!/usr/bin/env node
/** `shoal`: hands the arguments and this terminal to the program. The only place that ends the process. */
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './run.ts';

// `shoal vms | head` is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

process.exitCode = await run(process.argv.slice(2), {
  out: text => process.stdout.write(text),
  note: text => process.stderr.write(text),
  outTty: process.stdout.isTTY === true,
  noteTty: process.stderr.isTTY === true,
  noteColumns: () => process.stderr.columns,
  env: process.env,
  now: Date.now,
  sleep,
});
