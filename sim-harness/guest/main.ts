/**
 * Builds the lab guest and says where it is.
 * usage: npm run guest -- [--json] [--refresh] [--kernel-deb FILE] [--cache DIR]
 */
import { parseArgs } from 'node:util';
import { ShoalError } from '@shoal/agent';
import { ensureGuestImage, type GuestImageOptions } from './image.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    refresh: { type: 'boolean', default: false },
    'kernel-deb': { type: 'string' },
    cache: { type: 'string' },
  },
});

const options: GuestImageOptions = {
  refresh: values.refresh,
  progress: line => process.stderr.write(`· ${line}\n`),
};
if (values['kernel-deb'] !== undefined) options.kernelDeb = values['kernel-deb'];
if (values.cache !== undefined) options.cacheDir = values.cache;

try {
  const image = await ensureGuestImage(options);
  const lines = `kernel ${image.kernel}\ninitrd ${image.initrd}${image.cached ? ' (cached)' : ''}`;
  process.stdout.write(`${values.json ? JSON.stringify(image) : lines}\n`);
} catch (error) {
  if (!(error instanceof ShoalError)) throw error;
  process.stderr.write(`${error.line()}\n`);
  process.exitCode = 1;
}
