/** A histogram whose values were sorted into buckets elsewhere; prom-client's own takes one value at a time. */

type Value = { metricName: string; labels: Record<string, string>; value: number };

export class Tally {
  readonly name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  readonly #buckets: number[];
  #sum = 0;

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.name = name;
    this.#help = help;
    this.#bounds = bounds;
    this.#buckets = [...bounds.map(() => 0), 0];
  }

  /** `buckets`: how many more up to each bound and above the one before, the last above all; `sum` of their values. */
  add(buckets: readonly number[], sum: number): void {
    for (const [i, more] of buckets.entries()) this.#buckets[i]! += more;
    this.#sum += sum;
  }

  /** As a registry of prom-client asks a metric: the buckets of the text format hold all up to their bound. */
  async get() {
    let upTo = 0;
    const values: Value[] = this.#buckets.map((count, i) => {
      upTo += count;
      const le = String(this.#bounds[i] ?? '+Inf');
      return { metricName: `${this.name}_bucket`, labels: { le }, value: upTo };
    });
    values.push({ metricName: `${this.name}_sum`, labels: {}, value: this.#sum });
    values.push({ metricName: `${this.name}_count`, labels: {}, value: upTo });
    return { name: this.name, help: this.#help, type: 'histogram', values, aggregator: 'sum' };
  }
}
