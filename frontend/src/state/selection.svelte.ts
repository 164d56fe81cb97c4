/** What is chosen in a list: keys, and the place from which Shift goes on. It knows no list. */
import { SvelteSet } from "svelte/reactivity";

export class Selection {
  readonly #keys = new SvelteSet<string>();
  #anchor: number | null = null;

  get size(): number {
    return this.#keys.size;
  }

  get keys(): string[] {
    return [...this.#keys];
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  toggle(key: string, index: number): void {
    if (!this.#keys.delete(key)) this.#keys.add(key);
    this.#anchor = index;
  }

  /** Choose these too; a stretch that was begun goes on from the same place. */
  extend(keys: Iterable<string>): void {
    for (const key of keys) this.#keys.add(key);
  }

  /** Where a stretch begins; without one it begins at `index`. */
  anchorOr(index: number): number {
    this.#anchor ??= index;
    return this.#anchor;
  }

  set(keys: Iterable<string>): void {
    this.clear();
    this.extend(keys);
  }

  drop(keys: Iterable<string>): void {
    for (const key of keys) this.#keys.delete(key);
  }

  clear(): void {
    this.#keys.clear();
    this.#anchor = null;
  }
}
