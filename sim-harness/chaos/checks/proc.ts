/** VMMs and page servers of a lab as the kernel shows them (proc(5)), found by the directories in their command lines. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export type Places = {
  /** Of all nodes: each has a folder in it, whose name is the node's here. */
  runRoot: string;
  ramRoot: string;
};

export type VmmProcess = {
  pid: number;
  startTicks: string;
  /** UUID, as the RAM file is called. */
  vm: string;
  name: string;
  /** Folder of the node. */
  node: string;
  ram: string;
  memoryMib: number;
  /** Was started to take a state over, not to boot. */
  incoming: boolean;
};

export type PageProcess = { pid: number; startTicks: string; node: string; role: string; dir: string };

export type Processes = { vmms: VmmProcess[]; pages: PageProcess[] };

/** Empty of what has ended meanwhile; what cannot be read for another reason is no evidence of that. */
const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return '';
  }
};

/** Field 22 of stat; empty for who is gone or only a zombie. */
export function startTicksOf(pid: number): string {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? '' : (fields[19] ?? '');
}

export function processesOf(places: Places, procRoot = '/proc'): Processes {
  const found: Processes = { vmms: [], pages: [] };
  for (const entry of readdirSync(procRoot)) {
    const pid = Number(entry);
    if (!(pid > 0)) continue;
    const line = read(`${procRoot}/${pid}/cmdline`);
    if (!line.includes(places.ramRoot) && !line.includes(places.runRoot)) continue;
    const startTicks = startTicksOf(pid);
    if (startTicks === '') continue;
    const words = line.split('\0');
    const vmm = vmmOf(words, places);
    if (vmm) found.vmms.push({ pid, startTicks, ...vmm });
    const page = pagesOf(words, places);
    if (page) found.pages.push({ pid, startTicks, ...page });
  }
  return found;
}

/** A micro guest or a QEMU by its own arguments. Pure. */
export function vmmOf(
  words: string[],
  { ramRoot }: Places,
): Omit<VmmProcess, 'pid' | 'startTicks'> | undefined {
  const after = (word: string) => words[words.indexOf(word) + 1] ?? '';
  const micro = words.includes('--ram');
  const ram = micro ? after('--ram') : /mem-path=([^,\0]+)/.exec(words.join('\0'))?.[1];
  const place = ram?.startsWith(`${ramRoot}/`)
    ? /^([^/]+)\/([^/]+)\.ram$/.exec(ram.slice(ramRoot.length + 1))
    : null;
  // A shell that is about to become the VMM has the words too, behind its own.
  if (!ram || !place || /\/(sh|dash|bash)$/.test(words[0] ?? '')) return undefined;
  const [, node = '', vm = ''] = place;
  return {
    vm,
    node,
    ram,
    name: micro ? after('--name') : (after('-name').split(',')[0] ?? ''),
    memoryMib: micro ? Number(after('--memory-mib')) : Math.floor(Number.parseInt(after('-m'), 10) / 2 ** 20),
    incoming: words.includes('--incoming') || words.includes('-incoming'),
  };
}

/** `shoal-pages serve|fetch DIRECTORY`. Pure. */
export function pagesOf(
  words: string[],
  { runRoot }: Places,
): Omit<PageProcess, 'pid' | 'startTicks'> | undefined {
  const [command = '', role = '', dir = ''] = words;
  if (!command.endsWith('shoal-pages') || !dir.startsWith(`${runRoot}/`)) return undefined;
  return { role, dir, node: dir.slice(runRoot.length + 1).split('/')[0] ?? '' };
}

/**
 * CPU time of the vCPUs so far, ns (/proc/PID/task/TID/schedstat, first field); undefined when it is gone or about to be:
 * the last thread of a process gives all its memory back, which may be a vCPU's and is no work of a guest.
 */
export function vcpuNs(pid: number): number | undefined {
  const tasks = `/proc/${pid}/task`;
  if (!existsSync(tasks)) return undefined;
  let sum = 0;
  try {
    for (const tid of readdirSync(tasks)) {
      if (!/^(vcpu|CPU \d)/.test(read(`${tasks}/${tid}/comm`))) continue;
      sum += Number(read(`${tasks}/${tid}/schedstat`).split(' ')[0] ?? 0);
    }
  } catch {
    return undefined;
  }
  // Its memory is what its command line is read from: gone before it is given back (kernel/exit.c, exit_mm).
  return read(`/proc/${pid}/cmdline`) === '' ? undefined : sum;
}

/** Whether the process has that very file mapped, not one of the same name that was removed (/proc/PID/maps). */
export function maps(pid: number, path: string, inode: number): boolean {
  return read(`/proc/${pid}/maps`)
    .split('\n')
    .some(line => line.endsWith(` ${path}`) && line.split(/\s+/)[4] === String(inode));
}
