import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { faultsOf } from './tidy.ts';

const one = (path: string, text: string, expected: RegExp) => {
  const faults = faultsOf(path, text);
  assert.is(faults.length, 1, faults.join('\n'));
  assert.match(faults[0] as string, expected);
};

test('a clock, a timer, chance and I/O in pure code are found', () => {
  one('policies/src/x.ts', 'const t = Date.now();\n', /effect in pure code/);
  one('agent/src/core/x.ts', "import { readFileSync } from 'node:fs';\n", /effect in pure code/);
  one('protocol/src/x.ts', 'Math.random();\n', /effect in pure code/);
  assert.equal(faultsOf('agent/src/edge/x.ts', 'const t = Date.now();\n'), []);
});

test('an import that goes up is found, whether by path or by package', () => {
  one('agent/src/core/x.ts', "import { y } from '../edge/y.ts';\n", /may not import agent\/src\/edge\/y.ts/);
  one('policies/src/x.ts', "import { y } from '@shoal/agent';\n", /may not import/);
  one('agent/src/edge/x.ts', "import { y } from '../agent.ts';\n", /may not import/);
  assert.equal(faultsOf('agent/src/edge/x.ts', "import { y } from '../core/y.ts';\n"), []);
});

test('a test file that would never run, asserts nothing, or singles a test out is found', () => {
  one('a.test.ts', "test('x', () => assert.ok(1));\n", /run\(\) is missing/);
  one('a.test.ts', "test('x', () => {});\ntest.run();\n", /no assertion/);
  one('a.test.ts', `${'test'}.only('x', () => assert.ok(1));\ntest('y', f);\ntest.run();\n`, /singled out/);
  one('a.test.ts', `const s = ${'suite'}('x');\ns('y', () => assert.ok(1));\n`, /suite s never runs/);
});

test('a file over 300 lines is found', () => {
  one('agent/src/edge/x.ts', 'let a;\n'.repeat(301), /301 lines/);
});

test.run();
