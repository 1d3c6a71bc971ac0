import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../config/config.ts';
import { fail } from './check.ts';
import { type EngineFacts, engineChecks, judgeEngines } from './engines.ts';

const config = (text: string) => parseConfig(text, 'test');
const kernel = { device: '', call: '', fills: true, tracks: true };
const qemu = { version: '7.2.22', refused: { postcopy: '', 'qemu-postcopy': '' }, lacks: [], preload: '' };
const facts: EngineFacts = {
  kernel: { said: kernel },
  qemu: { said: qemu },
  release: '6.8.1',
  failed: [],
  vmUser: 'root',
  anybody: false,
  engine: 'postcopy',
};
const judged = (other: Partial<EngineFacts>) => judgeEngines({ ...facts, ...other });
const postcopy = (other: Partial<EngineFacts>) => judged(other)[0]!;
const states = (other: Partial<EngineFacts>) => judged(other).map(check => check.state);

test('a node with all that is needed moves VMs by every engine, and is told by what', () => {
  assert.equal(judged({}), [
    {
      name: 'post-copy',
      state: 'ok',
      found: 'possible: missing pages are filled by /dev/userfaultfd, QEMU 7.2.22 leaves memory to it',
      todo: '',
    },
    { name: 'warm', state: 'ok', found: 'possible: kernel 6.8.1 notes what a guest writes', todo: '' },
    { name: 'qemu-postcopy', state: 'ok', found: 'possible: QEMU 7.2.22 takes it', todo: '' },
  ]);
});

test('a node without post-copy is told every check that stands in its way, and all mends in one line', () => {
  const failed = [
    fail('guest memory', '/ram is not on tmpfs', 'Mount one'),
    fail('huge pages', 'mount huge=always', 'Mount it with huge=never'),
  ];
  const check = postcopy({ failed });
  assert.equal(
    [check.state, check.found, check.todo],
    [
      'fail',
      'not possible. guest memory: /ram is not on tmpfs; huge pages: mount huge=always',
      'Mount one; Mount it with huge=never',
    ],
  );
  assert.equal(states({ failed }), ['fail', 'warn', 'ok']);
});

test('a VM that cannot make its userfaultfd is no target: what counts is whose it is', () => {
  const closed = { said: { ...kernel, device: 'Permission denied' } };
  assert.is(postcopy({ kernel: closed }).state, 'ok');
  assert.match(postcopy({ kernel: closed }).found, 'by the system call');
  assert.is(postcopy({ kernel: closed, vmUser: 'own' }).state, 'ok', 'the probe was its own user’s');
  const other = postcopy({ kernel: closed, vmUser: 'other' });
  assert.is(other.state, 'fail');
  assert.match(other.found, 'VMs of another user than root need /dev/userfaultfd (Permission denied)');
  assert.is(postcopy({ kernel: closed, vmUser: 'other', anybody: true }).state, 'ok');
  const neither = postcopy({ kernel: { said: { ...closed.said, call: 'Operation not permitted' } } });
  assert.match(neither.found, '/dev/userfaultfd: Permission denied; system call: Operation not permitted');
});

test('a right that its own check misses already is not told twice', () => {
  const said = { ...kernel, device: 'Permission denied', call: 'Operation not permitted' };
  const failed = [fail('userfaultfd', 'this user may not', 'Give it an ACL')];
  assert.is(postcopy({ kernel: { said }, failed }).found, 'not possible. userfaultfd: this user may not');
});

test('a kernel, a page server or a QEMU that cannot or does not answer is told with its mend', () => {
  const cases: [Partial<EngineFacts>, RegExp, RegExp][] = [
    [
      { kernel: { said: { ...kernel, fills: false } } },
      /fills no missing pages of tmpfs/,
      /Boot Linux 5\.14/,
    ],
    [
      { kernel: { silent: 'spawn ENOEXEC' } },
      /shoal-pages probe says nothing: spawn ENOEXEC/,
      /Build it anew/,
    ],
    [{ qemu: { silent: 'it ended with 1: no' } }, /QEMU: it ended with 1: no/, /may run vms\.qemu/],
    [
      { qemu: { said: { ...qemu, refused: { ...qemu.refused, postcopy: 'Invalid parameter' } } } },
      /QEMU 7\.2\.22: Invalid parameter/,
      /7\.2 or 10\.0/,
    ],
    [
      { qemu: { said: { ...qemu, preload: 'wrong ELF class' } } },
      /without the preload: wrong ELF/,
      /Build it/,
    ],
  ];
  for (const [other, found, todo] of cases) {
    const check = postcopy(other);
    assert.is(check.state, 'fail');
    assert.match(check.found, found);
    assert.match(check.todo, todo);
  }
});

test('a kernel that notes no writes has no warm moves, and post-copy all the same', () => {
  const old = { kernel: { said: { ...kernel, tracks: false } }, release: '6.1.0-18-amd64' };
  assert.equal(states(old), ['ok', 'warn', 'ok']);
  assert.match(judged(old)[1]!.found, /kernel 6\.1\.0-18-amd64 does not note.*plain post-copies/);
  assert.is(judged(old)[1]!.todo, 'Boot Linux 6.7 or newer');
});

test('QEMU’s own post-copy that QEMU refuses is a fault only where it is configured, and its mend fits the QEMU', () => {
  const refuses = (version: string) => ({
    said: { ...qemu, version, refused: { postcopy: '', 'qemu-postcopy': 'Postcopy is not supported' } },
  });
  const told = (other: Partial<EngineFacts>) => judged({ vmUser: 'other', ...other })[2]!;
  assert.equal([told({ qemu: refuses('7.2.22') }).state, told({ qemu: refuses('7.2.22') }).todo], ['ok', '']);
  const wanted = { qemu: refuses('7.2.22'), engine: 'qemu-postcopy' } as const;
  assert.is(told(wanted).state, 'warn');
  assert.is(told(wanted).todo, 'sysctl vm.unprivileged_userfaultfd=1, or use postcopy');
  assert.match(told({ ...wanted, qemu: refuses('10.0.2') }).todo, /an ACL on \/dev\/userfaultfd, or sysctl/);
  assert.match(told({ ...wanted, vmUser: 'root' }).todo, /CONFIG_USERFAULTFD/);
});

test('a node that runs micro guests alone needs no QEMU for post-copy', () => {
  assert.equal(
    judged({ qemu: undefined }).map(check => check.name),
    ['post-copy', 'warm'],
  );
});

test('this machine is asked for real: its kernel, and the QEMU that it has', async () => {
  const checks = await engineChecks(config('vms: { drivers: [qemu, micro] }'), []);
  assert.equal(
    checks.map(check => check.name),
    ['post-copy', 'warm', 'qemu-postcopy'],
  );
  for (const { found } of checks) assert.match(found, /possible/);
  if (process.getuid?.() === 0) assert.match(checks[0]!.found, /^possible: .*, QEMU \d+\.\d+\.\d+ leaves/);
  const silent = await engineChecks(config('vms: { qemu: /bin/true }'), []);
  assert.match(silent[0]!.found, /QEMU: it ended with 0/);
  const without = await engineChecks(config(''), [fail('native parts', 'none', 'Build them')]);
  assert.is(without[0]!.found, 'not possible. native parts: none');
});

test.run();
