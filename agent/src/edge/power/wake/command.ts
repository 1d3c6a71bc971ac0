/** A wake by a program of the operator's: IPMI, Redfish, a switched plug. Its exit code says whether it could ask. */
import { ShoalError } from '../../../errors.ts';
import { runProgram } from '../suspend/run.ts';
import type { WakeMethod } from '../types.ts';

export const commandWake = (node: string, words: readonly string[]): WakeMethod => ({
  name: 'command',
  async wake(signal, taken) {
    const { code, output } = await runProgram(words, signal);
    if (code === 0) {
      taken();
      return `${words[0]} ended well${output === '' ? '' : `: ${output}`}`;
    }
    throw new ShoalError(
      'SHOAL_WAKE_COMMAND',
      `${words[0]} ended with ${code}: ${output}`,
      node,
      'Run it by hand on this node',
    );
  },
});
