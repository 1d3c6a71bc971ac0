import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAmt, type WakeEntry } from '@shoal/agent/edge/power/methods';
import { amtWake } from '@shoal/agent/edge/power/wake/amt';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AmtDouble } from './double.ts';
import { type Knobs, WELL } from './knobs.ts';
import { certificate } from './testing.ts';

const HOST = '127.0.0.1';
const dir = mkdtempSync(join(tmpdir(), 'shoal-amt-'));
const secret = join(dir, 'password');
writeFileSync(secret, `${WELL.password}\n`, { mode: 0o600 });
const wrong = join(dir, 'wrong');
writeFileSync(wrong, 'another-password\n', { mode: 0o600 });
test.after(() => rmSync(dir, { recursive: true, force: true }));

const ENTRY: WakeEntry = {
  ...{
    node: 'node2',
    method: 'amt',
    ip: HOST,
    ipport: 0,
    ssl: 'off',
    ssl_fingerprint: '',
    ssl_ca: '',
    realm: '',
  },
  ...{ username: 'admin', password_file: secret, password_script: '', password_version: 1 },
  ...{ login_timeout: 1, status_sleep: 1, mac: '', command: [] },
};
const SOON = () => AbortSignal.timeout(10_000);

/** A machine that sleeps until it is asked to wake. */
function machine(state = 4) {
  return {
    now: state,
    state() {
      return this.now;
    },
    request(wanted: number) {
      if (wanted !== 2 || this.now === 2) return 4097;
      this.now = 2;
      return 0;
    },
  };
}

async function within<T>(
  knobs: Partial<Knobs>,
  work: (double: AmtDouble, entry: WakeEntry, host: ReturnType<typeof machine>) => Promise<T>,
  over: Partial<WakeEntry> = {},
): Promise<T> {
  const host = machine();
  const double = new AmtDouble(host, knobs);
  const ssl = over.ssl === 'on' ? await certificate(dir) : undefined;
  const ipport = await double.listen(HOST, 0, ssl);
  try {
    return await work(
      double,
      { ...ENTRY, ipport, ...(ssl && { ssl_fingerprint: ssl.fingerprint }), ...over },
      host,
    );
  } finally {
    await double.close();
  }
}

const state = async (entry: WakeEntry): Promise<number | string> => {
  const { amt, close } = await openAmt(entry);
  try {
    return await amt.state(SOON());
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    close();
  }
};

const wake = (entry: WakeEntry, ms = 5000, refused: () => void = () => undefined): Promise<string> =>
  amtWake({ amt: () => openAmt(entry), lookMs: 50, nowMs: () => performance.now(), refused })
    .wake(AbortSignal.timeout(ms), () => undefined)
    .catch(error => error.code);

for (const qop of ['auth', 'auth-int, auth'])
  test(`a node that sleeps is seen asleep, woken, and seen awake: ${qop}`, async () => {
    await within({ qop, transitionMs: 300 }, async (double, entry) => {
      assert.is(await state(entry), 4);
      assert.match(await wake(entry), /^state 4, asked to wake: 0, state 2$/);
      assert.is(await state(entry), 2);
      assert.is(double.refusals, 0);
    });
  });

test('over TLS only who has the pinned certificate is spoken with', async () => {
  await within(
    {},
    async (double, entry) => {
      assert.is(await state(entry), 4);
      const before = double.asked.length;
      const other = entry.ssl_fingerprint.replace(/^../, pair => (pair === 'AA' ? 'BB' : 'AA'));
      assert.is(await state({ ...entry, ssl_fingerprint: other }), 'SHOAL_AMT_IMPOSTOR');
      assert.is(double.asked.length, before);
    },
    { ssl: 'on' },
  );
});

test('a certificate is looked at on every connection, also where a session could be resumed', async () => {
  await within(
    { nonceUses: 1 },
    async (double, entry) => {
      const { amt, close } = await openAmt(entry);
      for (let i = 0; i < 4; i++) assert.is(await amt.state(SOON()), 4);
      close();
      assert.ok(double.connections > 3, `${double.connections} connections`);
    },
    { ssl: 'on' },
  );
});

test('an AMT of another realm gets no digest', async () => {
  await within({}, async (double, entry) => {
    assert.is(
      await state({ ...entry, realm: 'Digest:00000000000000000000000000000000' }),
      'SHOAL_AMT_IMPOSTOR',
    );
    assert.is(double.refusals, 0);
    assert.is(await state({ ...entry, realm: WELL.realm }), 4);
  });
});

test('a wrong password is tried once, and told', async () => {
  await within({}, async (double, entry) => {
    let marks = 0;
    const code = await wake({ ...entry, password_file: wrong }, 5000, () => {
      marks += 1;
    });
    assert.is(code, 'SHOAL_AMT_PASSWORD');
    assert.is(double.refusals, 1);
    assert.is(marks, 1);
  });
});

test('a nonce that is used up costs one more request, and is no wrong password', async () => {
  await within({ nonceUses: 1 }, async (double, entry) => {
    assert.match(await wake(entry), /state 2$/);
    assert.is(double.refusals, 0);
  });
});

test('a session that lasts needs one challenge: the nonce is used again with a rising count', async () => {
  await within({ transitionMs: 1000 }, async (double, entry) => {
    assert.match(await wake(entry), /state 2$/);
    assert.ok(double.asked.length > 6);
    assert.is(double.connections, 2, 'one that was challenged, one for all the rest');
  });
});

test('a secret that others may read is not used, and the request is never made', async () => {
  await within({}, async (double, entry) => {
    const open = join(dir, 'open');
    writeFileSync(open, 'x', { mode: 0o644 });
    await assertRejects(openAmt({ ...entry, password_file: open }), 'SHOAL_AMT_SECRET');
    assert.is(double.connections, 0);
  });
});

test('a management engine that dozes is called until it answers', async () => {
  await within({ dozes: 2 }, async (double, entry) => {
    assert.match(await wake(entry, 8000), /no answer in time.*state 2$/);
    assert.ok(double.connections > 2);
  });
});

test('one that hangs, refuses or lies is given up in time, and all that was seen is told', async () => {
  for (const knobs of [{ hangs: true }, { returns: 2 }, { lies: true }] as Partial<Knobs>[])
    await within(knobs, async (_double, entry, host) => {
      const begunMs = performance.now();
      assert.is(await wake(entry, 1500), 'SHOAL_WAKE_LATE', JSON.stringify(knobs));
      assert.ok(performance.now() - begunMs < 4000);
      assert.is(host.now, 4);
    });
});

test('what is no answer of an AMT is an error in words, never a state', async () => {
  for (const reply of ['truncated', 'huge', 'doctype', 'html'] as const)
    await within({ reply }, async (_double, entry) => {
      assert.is(await state(entry), 'SHOAL_AMT_ANSWER', reply);
    });
  await within({ reply: 'fault' }, async (_double, entry) => {
    assert.is(await state(entry), 'SHOAL_AMT_FAULT');
  });
  await within({ breaks: true }, async (_double, entry) => {
    assert.is(await state(entry), 'SHOAL_AMT_UNREACHABLE');
  });
});

test('replies in chunks of one byte are read as one', async () => {
  await within({ chunkBytes: 1 }, async (_double, entry) => {
    assert.is(await state(entry), 4);
  });
});

test('a host in Modern Standby is taken out of it; an AMT that knows no such thing is not asked again', async () => {
  for (const hasOsPower of [true, false])
    await within({ savesPower: true, hasOsPower }, async (double, entry, host) => {
      host.now = 2;
      assert.is(await wake(entry), hasOsPower ? 'state 2, out of standby: 0' : 'state 2');
      assert.is(double.knobs.savesPower, !hasOsPower);
    });
});

test('three peers that wake one node at once do no harm: all see it awake', async () => {
  await within({ transitionMs: 500 }, async (_double, entry, host) => {
    const seen = await Promise.all([wake(entry), wake(entry), wake(entry)]);
    for (const one of seen) assert.match(one, /state 2$/);
    assert.is(host.now, 2);
  });
});

test('nobody there is an error that may pass', async () => {
  assert.is(await state({ ...ENTRY, ipport: 1 }), 'SHOAL_AMT_UNREACHABLE');
});

async function assertRejects(work: Promise<unknown>, code: string): Promise<void> {
  const found = await work.then(
    () => '',
    error => error.code,
  );
  assert.is(found, code);
}

test.run();
