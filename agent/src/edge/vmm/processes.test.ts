import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isAlive, ownersOf, processIn, processNaming, startTicks } from './processes.ts';

const dir = mkdtempSync(join(tmpdir(), 'shoal-processes-'));
test.after(() => rmSync(dir, { recursive: true }));

test('a process is known by its pid and its start, and is gone when it has ended', async () => {
  const child = spawn('sleep', ['60']);
  const id = { pid: child.pid as number, startTicks: startTicks(child.pid as number) as string };
  assert.ok(isAlive(id));
  assert.not.ok(isAlive({ ...id, startTicks: '1' }), 'another one has its pid today');
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.not.ok(isAlive(id));
});

/** Its first thread ends, another goes on and says so. */
const HALF_DEAD = `
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>
static void *go_on(void *unused) { sleep(1); write(1, "on\\n", 3); pause(); return unused; }
int main(void) { pthread_t t; pthread_create(&t, 0, go_on, 0); syscall(SYS_exit, 0); }`;

test('a process of which one thread is left lives, though its first one is a zombie: it may hold files and locks', async () => {
  const [source, program] = [join(dir, 'half.c'), join(dir, 'half')];
  writeFileSync(source, HALF_DEAD);
  execFileSync('cc', ['-pthread', '-o', program, source]);
  const child = spawn(program);
  const id = { pid: child.pid as number, startTicks: startTicks(child.pid as number) as string };
  await once(child.stdout, 'data');
  const [stat, lives] = [readFileSync(`/proc/${id.pid}/stat`, 'utf8'), isAlive(id)];
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.match(stat, ' Z ');
  assert.ok(lives);
  assert.not.ok(isAlive(id));
});

/** Looks at itself with all descriptors taken. */
const BLIND = `
import { openSync } from 'node:fs';
import { isAlive, startTicks } from '${fileURLToPath(new URL('./processes.ts', import.meta.url))}';
const id = { pid: process.pid, startTicks: startTicks(process.pid) };
try { for (;;) openSync('/dev/null'); } catch {}
let why = 'it could be read';
try { startTicks(process.pid); } catch (error) { why = error.code; }
process._rawDebug(why + ' ' + isAlive(id));`;

test('an agent without a free descriptor does not take its guests for dead', () => {
  const script = join(dir, 'blind.ts');
  writeFileSync(script, BLIND);
  const command = `ulimit -n 100; exec "${process.execPath}" --import tsx ${script} 2>&1`;
  const said = execFileSync('sh', ['-c', command], { encoding: 'utf8' });
  assert.is(said.trim(), 'EMFILE true');
});

test('what a file says of a process is told apart from a file that was torn, and from none', async () => {
  const file = join(dir, 'vm.pid');
  assert.is(await processIn(file), undefined);
  for (const torn of ['', '{"pid":1', '{"pid":0,"startTicks":""}', '{"pid":7}', 'null']) {
    writeFileSync(file, torn);
    assert.is(await processIn(file), 'torn', torn);
  }
  writeFileSync(file, '{"pid":7,"startTicks":"9"}');
  assert.equal(await processIn(file), { pid: 7, startTicks: '9' });
  let why: unknown;
  await processIn(dir).catch(error => {
    why = error.code;
  });
  assert.is(why, 'EISDIR', 'what cannot be read says nothing');
});

test('a process is found by a word of its command line, if it is of a user that this agent starts processes as', async () => {
  const word = join(dir, 'pid');
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)', word]);
  assert.is(processNaming(word, ownersOf(undefined))?.pid, child.pid);
  assert.is(processNaming(word, [54_321]), undefined, 'somebody else may write that word anywhere');
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.is(processNaming(word, ownersOf(undefined)), undefined);
});

test.run();
