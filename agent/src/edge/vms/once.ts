/** Work on a VM of which one run at a time is enough: a second one would do the same again. */
export class Once {
  readonly #running = new Set<string>();

  /** Resolves at once, with nothing done, while another run for that VM is under way. */
  async run(vm: string, work: () => Promise<void>): Promise<void> {
    if (this.#running.has(vm)) return;
    this.#running.add(vm);
    await work().finally(() => this.#running.delete(vm));
  }
}
