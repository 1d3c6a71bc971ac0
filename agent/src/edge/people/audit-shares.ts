/** How many rows the audit log holds, and how many of them are each token's. Pure. */

const TOKEN = 'token:';

export class AuditShares {
  #rows = 0;
  /** `begin`: no row of that token has a smaller key. */
  readonly #tokens = new Map<string, { rows: number; begin: string }>();

  get rows(): number {
    return this.#rows;
  }

  /** Rows come in the order of their keys. `who`: as in the row. */
  added(who: string, key: string): void {
    this.#rows += 1;
    if (!who.startsWith(TOKEN)) return;
    const known = this.#tokens.get(who);
    if (known) known.rows += 1;
    else this.#tokens.set(who, { rows: 1, begin: key });
  }

  dropped(who: string): void {
    this.#rows -= 1;
    const known = this.#tokens.get(who);
    if (!known) return;
    known.rows -= 1;
    if (known.rows === 0) this.#tokens.delete(who);
  }

  /** 0 for whoever is no token. */
  rowsOf(who: string): number {
    return this.#tokens.get(who)?.rows ?? 0;
  }

  beginOf(who: string): string {
    return this.#tokens.get(who)?.begin ?? '';
  }

  beginsAt(who: string, key: string): void {
    const known = this.#tokens.get(who);
    if (known) known.begin = key;
  }
}
