/** What apt of this machine is set to, and source packages by it, without a change to its own settings or lists. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ShoalError } from '@shoal/agent';
import { command } from './command.ts';

const DEFAULT_MIRROR = 'http://deb.debian.org/debian';
/** Debian's own keys, where each Debian has them; what is downloaded is held against them. */
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const MEND = "look at the network and at apt's sources";

/** `targets`: a line `uri codename component origin` for each list that apt has. Pure. */
export function mirrorIn(targets: string, suite: string): string {
  const lines = targets.split('\n').map(line => line.trim().split(' '));
  const found = lines.find(
    ([uri = '', codename, component, origin]) =>
      /^https?:/.test(uri) && codename === suite && component === 'main' && origin === 'Debian',
  );
  return found?.[0]?.replace(/\/+$/, '') ?? DEFAULT_MIRROR;
}

/** The mirror that apt takes this release of Debian from; Debian's own when it has none that others can use. */
export async function debianMirror(suite: string): Promise<string> {
  const format = '$(REPO_URI) $(CODENAME) $(COMPONENT) $(ORIGIN)';
  const targets = await command('apt-get', ['indextargets', '--format', format, 'Created-By: Packages']);
  return mirrorIn(targets.toString(), suite);
}

/** The variable by which other programs take the proxy that apt is set to; nothing when there is none. */
export async function proxyVariables(): Promise<Record<string, string>> {
  const said = await command('apt-config', ['shell', 'PROXY', 'Acquire::http::Proxy']);
  const proxy = /^PROXY='(.+)'$/m.exec(said.toString())?.[1];
  return proxy ? { http_proxy: proxy } : {};
}

/**
 * Downloads the upstream archive of a source package into `directory`, which apt uses for lists of its own meanwhile: few
 * machines list sources. apt checks the archive against the signed lists. Resolves to its path.
 */
export async function downloadSource(
  name: string,
  from: { mirror: string; suite: string },
  directory: string,
): Promise<string> {
  for (const part of ['lists/partial', 'cache/archives/partial', 'archive'])
    await mkdir(join(directory, part), { recursive: true });
  const list = join(directory, 'sources.list');
  await writeFile(list, `deb-src [signed-by=${KEYRING}] ${from.mirror} ${from.suite} main\n`);
  const settings = {
    'Dir::Etc::sourcelist': list,
    'Dir::Etc::sourceparts': '-',
    'Dir::State::lists': join(directory, 'lists'),
    'Dir::Cache': join(directory, 'cache'),
    // The directory is this user's alone.
    'APT::Sandbox::User': 'root',
  };
  const own = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  await command('apt-get', [...own, '-q', 'update'], { todo: MEND });
  const archive = join(directory, 'archive');
  const source = ['source', '--download-only', '--tar-only', name];
  await command('apt-get', [...own, '-q', ...source], { cwd: archive, todo: MEND });
  const file = (await readdir(archive)).find(one => one.includes('.orig.tar.'));
  if (file === undefined)
    throw new ShoalError('SHOAL_GUEST_BUILD', 'apt-get downloaded no upstream archive', name, MEND);
  return join(archive, file);
}
