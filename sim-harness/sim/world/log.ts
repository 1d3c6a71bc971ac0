/** The log of a run: one line an event, with virtual time alone, so that two runs of a seed have the same bytes. */
export class RunLog {
  readonly lines: string[] = [];
  readonly #on: boolean;
  readonly #now: () => number;
  /** Peer ids and their nodes' names: people read names. */
  readonly names = new Map<string, string>();

  constructor(on: boolean, now: () => number) {
    this.#on = on;
    this.#now = now;
  }

  /** `fields` after the sentence, as JSON. */
  line(who: string, text: string, fields?: object): void {
    if (!this.#on) return;
    const rest = fields && Object.keys(fields).length > 0 ? ` ${JSON.stringify(fields)}` : '';
    this.lines.push(this.#named(`${(this.#now() / 1000).toFixed(3).padStart(8)} ${who} ${text}${rest}`));
  }

  #named(line: string): string {
    let named = line;
    for (const [id, name] of this.names) named = named.replaceAll(id, name);
    return named;
  }
}
