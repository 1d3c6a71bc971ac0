/**
 * One clear error for bad input: what is wrong, where, what to do. Programmer errors use `assert` instead.
 * `code` is stable (`docs/errors.md`), the sentences may change.
 */
export class ShoalError extends Error {
  override readonly name = 'ShoalError';
  readonly code: string;
  /** The part at fault: a file and key, a VM, a node. */
  readonly where: string;
  /** What the reader can do about it. */
  readonly todo: string;
  constructor(code: string, what: string, where: string, todo: string, options?: ErrorOptions) {
    super(what, options);
    this.code = code;
    this.where = where;
    this.todo = todo;
  }
  /** `what (where): todo`, one line for terminals and logs. */
  line(): string {
    return `${this.message}${this.where ? ` (${this.where})` : ''}${this.todo ? `. ${this.todo}` : ''}`;
  }
}
