/**
 * A dataset's recipe as it is being set up, kept in this browser: a reload or a visit elsewhere loses nothing.
 *
 * The Idempotency-Key lies beside what it was made for, so a double click or a reload in the middle of a submission
 * means one job, and a changed recipe means another.
 */
import type { Sent } from "../api/client.ts";
import type * as api from "../api/types.ts";
import { RECIPES } from "./draft.ts";
import { emptyRecipe, fromSent, toSent, type Recipe } from "../edits/recipe.ts";

export interface Draft {
  recipe: Recipe;
  /** The images to work on; null: all that are ready. */
  images: string[] | null;
}

interface Kept {
  recipe: Sent<api.Recipe>;
  images: string[] | null;
}

interface KeptKey {
  key: string;
  of: string;
}

type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

const draftName = (dataset: string): string => `${RECIPES}${dataset}`;
const keyName = (dataset: string): string => `${RECIPES}${dataset}.key`;

export function keepDraft(dataset: string, draft: Draft, store: Store = localStorage): void {
  const kept: Kept = { recipe: toSent(draft.recipe), images: draft.images };
  try {
    store.setItem(draftName(dataset), JSON.stringify(kept));
  } catch {
    // A full or forbidden storage costs the draft at a reload, never the work on it.
  }
}

/** The kept draft, or null where there is none or it cannot be read. */
export function readDraft(dataset: string, store: Store = localStorage): Draft | null {
  try {
    const kept = JSON.parse(store.getItem(draftName(dataset)) ?? "null") as Kept | null;
    return kept && { recipe: fromSent(kept.recipe), images: kept.images };
  } catch {
    return null;
  }
}

/** The same recipe for these images; the screen of the recipe goes on from it. */
export function keepImages(dataset: string, images: readonly string[], store: Store = localStorage): void {
  const recipe = readDraft(dataset, store)?.recipe ?? emptyRecipe();
  keepDraft(dataset, { recipe, images: [...images] }, store);
}

/** The key under which this very request is submitted, now and after a reload. */
export function keyFor(dataset: string, draft: Draft, store: Store = localStorage): string {
  const of = JSON.stringify({ recipe: toSent(draft.recipe), images: draft.images });
  try {
    const kept = JSON.parse(store.getItem(keyName(dataset)) ?? "null") as KeptKey | null;
    if (kept?.of === of) return kept.key;
  } catch {
    // An unreadable key is as good as none.
  }
  const made: KeptKey = { key: crypto.randomUUID(), of };
  try {
    store.setItem(keyName(dataset), JSON.stringify(made));
  } catch {
    // Without storage a double click is still caught by the button.
  }
  return made.key;
}

/** The job is there: the same recipe submitted again is meant to be another job. */
export function forgetKey(dataset: string, store: Store = localStorage): void {
  store.removeItem(keyName(dataset));
}

/** A recipe that names no template that is gone, and at least the first one that there is. */
export function fitted(recipe: Recipe, templates: readonly string[]): Recipe {
  return { ...recipe, templates: recipe.templates.filter((id) => templates.includes(id)) };
}

/** A recipe from pasted JSON: the recipe itself, or a job or request that holds one. Throws SyntaxError, TypeError. */
export function recipeFrom(text: string): Recipe {
  const parsed = JSON.parse(text) as unknown;
  const body = isObject(parsed) && isObject(parsed["recipe"]) ? parsed["recipe"] : parsed;
  if (!isObject(body)) throw new TypeError("not a recipe");
  const known = new Set(Object.keys(emptyRecipe()));
  const strange = Object.keys(body).find((name) => !known.has(name));
  if (strange !== undefined || !Array.isArray(body["templates"])) throw new TypeError(strange ?? "templates");
  if (body["layers"] !== undefined && !Array.isArray(body["layers"])) throw new TypeError("layers");
  return fromSent(body as Sent<api.Recipe>);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
