/**
 * The process of the client, in the client's namespace: in a process of its own, since what it costs is to be told from what the
 * experiment costs. Takes a `ClientSpec` as one line; writes a line of JSON for each response and one at the end. It ends when its
 * input does, so it never outlives who started it.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { clock } from '@shoal/agent/edge/clock';
import { Client, type ClientSpec } from './client.ts';
import type { ClientEnd } from './client-report.ts';

/** One write for many lines. */
const WRITE_EVERY_MS = 1000;

const input = createInterface({ input: process.stdin });
const [line] = (await once(input, 'line')) as [string];
const spec = JSON.parse(line) as ClientSpec;
let lines = '';
const write = (): void => {
  if (lines !== '') process.stdout.write(lines);
  lines = '';
};
const client = new Client(spec, clock, response => {
  lines += `${JSON.stringify(response)}\n`;
});
input.on('close', () => {
  write();
  process.exit(1);
});
const timer = setInterval(write, WRITE_EVERY_MS);
await client.run();
clearInterval(timer);
const { user, system } = process.cpuUsage();
const end: ClientEnd = { cpuMs: (user + system) / 1000, lag: client.lag };
lines += `${JSON.stringify({ end })}\n`;
write();
process.exit(0);
