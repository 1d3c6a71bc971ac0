/** What is wrong with a configuration, all of it in one error. */
import { ShoalError } from '../errors.ts';

/** `path` is the key, dotted; `what` is wrong with it; `todo` mends it. */
export type Fault = { path: string; what: string; todo: string };

/** A fault and where it stands: `line` counts from 1, 0 = the key is not in the file. */
export type PlacedFault = Fault & { file: string; line: number };

export class ConfigError extends ShoalError {
  readonly faults: readonly PlacedFault[];
  constructor(code: string, file: string, faults: readonly PlacedFault[], options?: ErrorOptions) {
    const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`;
    const what = [`the configuration has ${count}`, ...faults.map(faultLine)].join('\n  ');
    super(code, what, file, 'Mend it and start again; nothing was changed', options);
    this.faults = faults;
  }
  override line(): string {
    return this.message;
  }
}

function faultLine({ file, line, path, what, todo }: PlacedFault): string {
  return `${file}${line > 0 ? `:${line}` : ''}: ${path ? `${path}: ` : ''}${what}${todo ? `. ${todo}` : ''}`;
}
