/** How fast something goes, over the last seconds, and how long the rest takes. */

const WINDOW_MS = 8000;

export class Rate {
  #samples: { at: number; total: number }[] = [];

  /** So much has gone in all at this moment. */
  note(total: number, at: number): void {
    const last = this.#samples.at(-1);
    if (last && total < last.total) this.#samples = []; // something begins anew
    this.#samples.push({ at, total });
    while (this.#samples.length > 2 && at - (this.#samples[1]?.at ?? at) >= WINDOW_MS) this.#samples.shift();
  }

  /** Per second; 0 while nothing is known. */
  get perSecond(): number {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (!first || !last || last.at - first.at < 500) return 0;
    return ((last.total - first.total) * 1000) / (last.at - first.at);
  }

  /** Seconds for the rest, or null while nobody can say. */
  secondsFor(rest: number): number | null {
    const rate = this.perSecond;
    return rate > 0 ? rest / rate : null;
  }
}
