/** Where the repository is, seen from source and from `dist` alike. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The directory that holds `agent/native/Cargo.toml`. */
export function repositoryRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'agent', 'native', 'Cargo.toml'))) {
    const parent = dirname(directory);
    if (parent === directory) throw new Error('the lab guest is built from a checkout of the repository');
    directory = parent;
  }
  return directory;
}
