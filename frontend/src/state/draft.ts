/**
 * What was entered and not saved, kept in the tab through a reload and through signing in again.
 *
 * A screen writes its draft while it changes and clears it when it is saved. A draft of another version, or one that
 * grew too large, is none.
 */

const PREFIX = "maskmill.draft.";
/** What the names of recipes that are being set up begin with; they lie in the browser's store, not in the tab's. */
export const RECIPES = "maskmill.recipe.";
const CHARS_MAX = 400_000;
const DRAFTS_MAX = 20;

interface Kept {
  readonly version: number;
  readonly at: number;
  readonly value: unknown;
}

export class Draft<T> {
  readonly #key: string;
  readonly #version: number;
  readonly #store: Storage;

  constructor(key: string, version: number, store: Storage = globalThis.sessionStorage) {
    this.#key = PREFIX + key;
    this.#version = version;
    this.#store = store;
  }

  read(): T | null {
    const kept = parsed(this.#store.getItem(this.#key));
    return kept?.version === this.#version ? (kept.value as T) : null;
  }

  /** Whether it is kept: what is too large is not. */
  write(value: T, now = Date.now()): boolean {
    const text = JSON.stringify({ version: this.#version, at: now, value } satisfies Kept);
    if (text.length > CHARS_MAX) {
      this.clear();
      return false;
    }
    makeRoom(this.#store, this.#key);
    try {
      this.#store.setItem(this.#key, text);
      return true;
    } catch {
      this.clear(); // the browser's room for this tab is used up
      return false;
    }
  }

  clear(): void {
    this.#store.removeItem(this.#key);
  }
}

/** Whether anything waits to be saved in this tab. */
export function hasDrafts(store: Storage = globalThis.sessionStorage): boolean {
  return keysOf(store).length > 0;
}

/** Nothing of one reader is left to the next one: neither in this tab nor among the browser's recipes. */
export function clearDrafts(
  tab: Storage = globalThis.sessionStorage,
  browser: Storage = globalThis.localStorage,
): void {
  for (const key of keysOf(tab)) tab.removeItem(key);
  for (const key of keysOf(browser, RECIPES)) browser.removeItem(key);
}

function makeRoom(store: Storage, besides: string): void {
  const others = keysOf(store)
    .filter((key) => key !== besides)
    .sort((one, other) => (parsed(store.getItem(one))?.at ?? 0) - (parsed(store.getItem(other))?.at ?? 0));
  for (const key of others.slice(0, Math.max(0, others.length - DRAFTS_MAX + 1))) store.removeItem(key);
}

function keysOf(store: Storage, prefix = PREFIX): string[] {
  return Array.from({ length: store.length }, (_, index) => store.key(index) ?? "").filter((key) =>
    key.startsWith(prefix),
  );
}

function parsed(text: string | null): Kept | null {
  if (text === null) return null;
  try {
    const kept: unknown = JSON.parse(text);
    return typeof kept === "object" && kept !== null && "version" in kept ? (kept as Kept) : null;
  } catch {
    return null;
  }
}
