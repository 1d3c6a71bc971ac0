import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { classBytes, shaping } from './priority.ts';

const commands = (kind: 'fifo' | 'htb', rate: string) =>
  shaping('eth0', rate, kind).map(args => args.join(' '));

test('the two classes together have the rate of the link, and each may use all of it', () => {
  const classes = commands('htb', '2.5gbit').filter(line => line.startsWith('class'));
  assert.equal(
    classes.map(line => /htb rate (\w+) ceil (\S+) /.exec(line)?.slice(1)),
    [
      ['2500000kbit', '2.5gbit'],
      ['2250000kbit', '2.5gbit'],
      ['250000kbit', '2.5gbit'],
    ],
  );
  assert.ok(commands('htb', '100mbit').some(line => line.includes('htb rate 90000kbit ceil 100mbit')));
});

test('what is marked as urgent goes to the class that is first', () => {
  const [filter] = commands('htb', '1gbit').filter(line => line.startsWith('filter'));
  assert.match(filter!, /match ip tos 0xb8 0xff flowid 1:10$/);
  assert.ok(commands('htb', '1gbit').some(line => /classid 1:10 .* prio 0$/.test(line)));
});

test('the bytes of a class are its own, and none without classes', () => {
  const text = `class htb 1:1 root rate 1Gbit\n Sent 900 bytes 9 pkt\nclass htb 1:10 parent 1:1 leaf 8001: prio 0\n Sent 5296 bytes 12 pkt\nclass htb 1:20 parent 1:1\n Sent 7 bytes\n`;
  assert.is(classBytes(text, '1:10'), 5296);
  assert.is(classBytes(text, '1:1'), 900);
  assert.is(classBytes('', '1:10'), 0);
});

test.run();
