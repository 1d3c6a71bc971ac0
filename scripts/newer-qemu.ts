/**
 * A QEMU newer than the machine's own, beside it: Debian's backport is unpacked into `.cache/qemu/<suite>` and nothing is
 * installed. apt resolves what it needs against what is installed; its lists and its downloads have a place of their own.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';

/** Suites by the name that `--from` takes. Debian 12's backports are built against Debian 12's libraries. */
export const SUITES: Readonly<Record<string, string>> = { backports: 'bookworm-backports' };
const PACKAGES = ['qemu-system-x86', 'qemu-utils'];
const MIRROR = 'http://deb.debian.org/debian';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const MINUTES_MS = 60_000;

/** Lines of a sources.list(5) with one suite and the release that it stands on. */
export const sources = (suite: string): string =>
  [suite.replace('-backports', ''), suite]
    .map(s => `deb [signed-by=${KEYRING}] ${MIRROR} ${s} main\n`)
    .join('');

/** The directory of its programs, for the front of a PATH. Downloads at the first call; throws what went wrong. */
export function newerQemu(suite: string): string {
  const dir = resolve('.cache', 'qemu', suite);
  const bin = join(dir, 'root', 'usr', 'bin');
  const whole = join(dir, 'whole');
  if (existsSync(whole)) return bin;
  rmSync(dir, { recursive: true, force: true });
  for (const part of ['lists/partial', 'apt/archives/partial', 'root/usr/lib'])
    mkdirSync(join(dir, part), { recursive: true });
  writeFileSync(join(dir, 'sources.list'), sources(suite));
  const apt = [
    ...['-o', `Dir::Etc::sourcelist=${join(dir, 'sources.list')}`, '-o', 'Dir::Etc::sourceparts=-'],
    ...['-o', `Dir::State::lists=${join(dir, 'lists')}`, '-o', `Dir::Cache=${join(dir, 'apt')}`],
    // Nothing is installed, so the system's lock is no business of this.
    ...['-o', 'Debug::NoLocking=1', '-o', 'APT::Sandbox::User=root', '-q', '-y'],
  ];
  run('apt-get', [...apt, 'update']);
  run('apt-get', [
    ...[...apt, '-t', suite, '--no-install-recommends', '--download-only'],
    ...['install', ...PACKAGES],
  ]);
  const archives = join(dir, 'apt', 'archives');
  for (const name of readdirSync(archives).filter(file => file.endsWith('.deb')))
    run('dpkg-deb', ['-x', join(archives, name), join(dir, 'root')]);
  // QEMU looks for its files beside itself. The boot ROMs of network cards are a package that backports do not renew.
  symlinkSync('/usr/lib/ipxe', join(dir, 'root', 'usr', 'lib', 'ipxe'));
  for (const waste of ['lists', 'apt']) rmSync(join(dir, waste), { recursive: true });
  writeFileSync(whole, run(join(bin, 'qemu-system-x86_64'), ['--version']));
  return bin;
}

/** The version, as `10.0.2`. */
export const versionIn = (bin: string): string =>
  /version ([\d.]+)/.exec(readFileSync(join(bin, '..', '..', '..', 'whole'), 'utf8'))?.[1] ?? 'unknown';

function run(command: string, args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 5 * MINUTES_MS,
  });
  if (status === 0) return stdout;
  throw new Error(`${command} ${args.at(-1)}: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
}
