/** What can be wrong with bytes from a peer. */
export type FaultCode =
  | 'size'
  | 'encoding'
  | 'depth'
  | 'number'
  | 'type'
  | 'range'
  | 'length'
  | 'form'
  | 'relation';

/** `path` names the field (`vms[3].name`), empty for the whole message. */
export type Fault = { code: FaultCode; path: string; what: string };

export type Decoded<T> = { ok: true; value: T } | { ok: false; fault: Fault };

/** Inside a decoder it becomes a `Fault`. Out of an encoder it is an assertion: our own message is wrong. */
export class Bad extends Error {
  readonly fault: Fault;
  constructor(code: FaultCode, path: string, what: string) {
    super(`${path || 'message'} ${what}`);
    this.fault = { code, path, what };
  }
}
