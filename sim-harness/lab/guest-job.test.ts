import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseJob } from './guest-job.ts';

test('a job says whether it runs, for how long it has, and how it ended', () => {
  assert.equal(parseJob('ok job compile none ask=3', 'compile', 3), {
    state: 'none',
    code: undefined,
    ms: 0,
  });
  assert.equal(parseJob('ok job compile running 2401 ask=3', 'compile', 3), {
    state: 'running',
    code: undefined,
    ms: 2401,
  });
  for (const code of [0, 137, -1])
    assert.equal(parseJob(`ok job compile-quick done ${code} 21044 ask=12`, 'compile-quick', 12), {
      state: 'done',
      code,
      ms: 21_044,
    });
});

test('the answer to another question, of another job, or the half of one says nothing of this job', () => {
  for (const line of [
    'ok job compile running 2401 ask=2',
    'ok job compile running 2401 ask=31',
    'ok job compile running 2401',
    'ok job compile running 24',
    'ok job compile-quick running 2401 ask=3',
    'ok job compile start',
    'b compile running 2401 ask=3',
    'error job compile status 3: no',
  ])
    assert.is(parseJob(line, 'compile', 3), undefined, line);
});

test.run();
