/** What must hold between keys of `power`: a way to wake a node that cannot work is told at the start, not when it is needed. */
import type { Fault } from './faults.ts';
import type { Config } from './schema.ts';

const fault = (path: string, what: string, todo: string): Fault => ({ path, what, todo });

export function powerFaults({ power }: Config): Fault[] {
  const { sleep, suspend, wake, wakeLateSeconds, wakeTimeoutSeconds } = power;
  return [
    ...(sleep === 'auto' && suspend.driver === 'none'
      ? [fault('power.sleep', 'no driver can suspend this machine', 'Choose one in power.suspend.driver')]
      : []),
    ...(suspend.driver === 'command' && suspend.command.length === 0
      ? [fault('power.suspend.command', 'the driver is command, and none is named', 'Name the program')]
      : []),
    ...(wakeLateSeconds >= wakeTimeoutSeconds
      ? [
          fault(
            'power.wakeLateSeconds',
            `${wakeLateSeconds} s is not before wakeTimeoutSeconds (${wakeTimeoutSeconds} s): nothing would be told of it`,
            `Give less than ${wakeTimeoutSeconds}`,
          ),
        ]
      : []),
    ...wake.flatMap((entry, i) => wakeFaults(entry, `power.wake.${i}`)),
  ];
}

function wakeFaults(entry: Config['power']['wake'][number], at: string): Fault[] {
  const { method, ip, ssl, ssl_fingerprint, ssl_ca, password_file, password_script, mac, command } = entry;
  const faults: Fault[] = [];
  const needs = (isThere: boolean, key: string, what: string, todo: string) => {
    if (!isThere) faults.push(fault(`${at}.${key}`, what, todo));
  };
  if (method === 'command') needs(command.length > 0, 'command', 'no program is named', 'Name it');
  if (method === 'wol') {
    needs(mac !== '', 'mac', 'a magic packet needs the MAC address of the node', 'Give it');
    needs(ip !== '', 'ip', 'a magic packet needs the broadcast address of the node’s segment', 'Give it');
  }
  if (method !== 'amt') return faults;
  needs(ip !== '', 'ip', 'its AMT has no address', 'Give it');
  const secrets = [password_file, password_script].filter(path => path !== '').length;
  needs(
    secrets === 1,
    'password_file',
    `${secrets} sources of its password are named`,
    'Name one: password_file or password_script',
  );
  const isPinned = ssl === 'off' || ssl_fingerprint !== '' || ssl_ca !== '';
  needs(
    isPinned,
    'ssl_fingerprint',
    'nothing says whose certificate its AMT has',
    'Give ssl_fingerprint or ssl_ca',
  );
  return faults;
}
