/** The user that VMs run as: whether there is one, and whether it may use what every VM needs. */
import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { openFault } from '../vmm/may-open.ts';
import { TUN } from '../vmm/taps.ts';
import { type Check, fail, ok, warn } from './check.ts';
import { nativeDir, PRELOAD } from './native.ts';

const NAME = 'VM user';

export async function vmUserCheck(
  config: Pick<Config, 'vms' | 'native'>,
  root = process.getuid?.() === 0,
): Promise<Check[]> {
  const { runAs, bridges } = config.vms;
  const user = runAs.uid === 0 ? undefined : runAs;
  if (!user) {
    if (!root) return [ok(NAME, 'as this user')];
    return [warn(NAME, 'VMs run as root', 'Set vms.runAs to a user of their own')];
  }
  if (!root)
    return [
      fail(NAME, `only root can run VMs as uid ${user.uid}`, 'Start the agent as root, or remove vms.runAs'),
    ];
  const files: [string, 'r' | 'rw', string][] = [
    [join(nativeDir(config), PRELOAD), 'r', 'Install it where every user may read, and set native.dir'],
    ...(bridges.length > 0
      ? [[TUN, 'rw', `Run: chmod 0666 ${TUN} (udev does so where it runs)`] as [string, 'rw', string]]
      : []),
  ];
  const faults = await Promise.all(
    files.map(async ([path, wanted, todo]) => {
      const fault = await openFault(path, wanted, user);
      return fault ? [fail(NAME, `${path} ${fault}`, todo)] : [];
    }),
  );
  const found = faults.flat();
  return found.length > 0 ? found : [ok(NAME, `uid ${user.uid}, gid ${user.gid}`)];
}
