/** What a job gave, page by page as it comes, in the order of its images; it asks for nothing by itself. */
import type { ItemStatus, ItemVariants, ItemVariantsPage, JobView, Region, VariantView } from "../api/types.ts";
import { ITEM_STATES } from "../live/states.ts";

/** A variant with the item it was made of. */
export interface Card {
  readonly key: string;
  readonly item: ItemVariants;
  readonly variant: VariantView;
  /** Which layer of the recipe made it; null where all layers are in one picture, and in old results. */
  readonly layer: number | null;
}

interface PageRead {
  readonly cursor: string | null;
  readonly items: readonly ItemVariants[];
  readonly next: string | null;
}

/** How many pages are read at most: 10,000 images in pages of 50. */
const PAGES_MAX = 400;

export class ResultPages {
  readonly #read: (cursor: string | null, signal: AbortSignal) => Promise<ItemVariantsPage>;
  #pages: PageRead[] = [];

  constructor(read: (cursor: string | null, signal: AbortSignal) => Promise<ItemVariantsPage>) {
    this.#read = read;
  }

  get items(): ItemVariants[] {
    const byIndex = new Map<number, ItemVariants>();
    for (const page of this.#pages) for (const item of page.items) byIndex.set(item.index, item);
    return [...byIndex.values()].sort((a, b) => a.index - b.index);
  }

  get hasMore(): boolean {
    return this.#pages.length === 0 || this.#pages.at(-1)?.next !== null;
  }

  /** The next page, where there is one. */
  async more(signal: AbortSignal): Promise<void> {
    const last = this.#pages.at(-1);
    if ((last && last.next === null) || this.#pages.length >= PAGES_MAX) return;
    this.#pages.push(await this.#page(last?.next ?? null, signal));
  }

  /** Read again what may have changed: a page with gaps, where images may have ended meanwhile, and the last one. */
  async refresh(signal: AbortSignal): Promise<void> {
    let from = 0;
    for (let position = 0; position < this.#pages.length; position++) {
      const page = this.#pages[position];
      if (page === undefined) break;
      const last = lastOf(page);
      const isWhole = position < this.#pages.length - 1 && page.items.length === last - from + 1;
      if (!isWhole) position += (await this.#again(position, signal)) - 1;
      from = last + 1;
    }
    if (this.#pages.length === 0) await this.more(signal);
  }

  /**
   * Read a page again, and as many after it as now lie between it and the next one: a page is bounded by its size, so
   * what came in between pushes others off it. The answer is how many there are.
   */
  async #again(position: number, signal: AbortSignal): Promise<number> {
    const old = this.#pages[position];
    if (old === undefined) return 0;
    const fresh = [await this.#page(old.cursor, signal)];
    for (let page = fresh[0]; page && page.next !== null && lastOf(page) < lastOf(old); page = fresh.at(-1)) {
      fresh.push(await this.#page(page.next, signal));
    }
    this.#pages.splice(position, 1, ...fresh);
    return fresh.length;
  }

  async #page(cursor: string | null, signal: AbortSignal): Promise<PageRead> {
    const { items, next_cursor: next } = await this.#read(cursor, signal);
    return { cursor, items, next };
  }
}

function lastOf(page: PageRead): number {
  return page.items.at(-1)?.index ?? -1;
}

/** One card per variant, in order. */
export function cardsOf(items: readonly ItemVariants[]): Card[] {
  return items.flatMap((item) =>
    item.variants.map((variant, position) => ({
      key: `${item.index}/${variant.variant_id}/${position}`,
      item,
      variant,
      layer: variant.layer,
    })),
  );
}

/** What of a job is shown: its pictures, those of a template or a layer, or its images in one state. */
export type Show =
  | { readonly kind: "all" }
  | { readonly kind: "template"; readonly template: string }
  | { readonly kind: "layer"; readonly layer: number }
  | { readonly kind: "state"; readonly state: ItemStatus };

export interface Choice {
  readonly key: string;
  readonly show: Show;
  /** Pictures as far as they are read, or images in a state. */
  readonly count: number;
}

export interface Choices {
  readonly all: Choice;
  readonly templates: readonly Choice[];
  readonly layers: readonly Choice[];
  readonly states: readonly Choice[];
}

export function keyOf(show: Show): string {
  if (show.kind === "template") return `template ${show.template}`;
  if (show.kind === "layer") return `layer ${show.layer}`;
  return show.kind === "state" ? `state ${show.state}` : "all";
}

/** All that may be shown. A job of one template, or of one layer, has nothing to choose there. */
export function choicesOf({ recipe, items }: Pick<JobView, "recipe" | "items">, cards: readonly Card[]): Choices {
  const pictures = (show: Show): Choice => ({
    key: keyOf(show),
    show,
    count: cards.filter((card) => isShown(card, show)).length,
  });
  const isSeparate = recipe.composition === "separate" && recipe.layers.length > 1;
  return {
    all: pictures({ kind: "all" }),
    templates:
      recipe.templates.length > 1 ? recipe.templates.map((template) => pictures({ kind: "template", template })) : [],
    layers: isSeparate ? recipe.layers.map((_layer, layer) => pictures({ kind: "layer", layer })) : [],
    states: ITEM_STATES.filter((state) => items[state] > 0).map((state) => {
      const show: Show = { kind: "state", state };
      return { key: keyOf(show), show, count: items[state] };
    }),
  };
}

/** The cards that are shown: of images with that name, where one is given. Only what is done has pictures. */
export function filtered(cards: readonly Card[], show: Show, name = ""): Card[] {
  const wanted = name.trim().toLowerCase();
  return cards.filter(
    (card) => isShown(card, show) && (wanted === "" || card.item.name.toLowerCase().includes(wanted)),
  );
}

function isShown(card: Card, show: Show): boolean {
  if (show.kind === "template") return card.variant.layers.some(({ region }) => names(region, show.template));
  if (show.kind === "layer") return card.layer === show.layer;
  return show.kind === "all" || show.state === "done";
}

function names(region: Region, template: string): boolean {
  return typeof region === "string" ? region === template : region.of.some((part) => names(part, template));
}

/** The labels that lie on a picture: its own where it was reshaped, else those of its source. */
export function labelsOf(card: Card): ItemVariants["labels"] {
  return card.variant.labels ?? card.item.labels;
}

/** The smallest picture of a variant that there is. */
export function smallOf(variant: VariantView): string {
  return variant.thumbnail_url ?? variant.url;
}

/** The edits that a layer of a recipe draws, with the numbers that this variant got. */
export function drawnOf(card: Card, recipe: JobView["recipe"]): { name: string; value: number; layer: number }[] {
  return card.variant.layers.flatMap((made, position) => {
    const layer = card.layer ?? position;
    return Object.keys(recipe.layers[layer]?.vary ?? {}).map((name) => ({
      name,
      layer,
      value: Number(made.edits[name as keyof typeof made.edits]),
    }));
  });
}

/** A region in words, with the names of its templates. */
export function regionName(region: Region, nameOf: (template: string) => string): string {
  if (typeof region === "string") return nameOf(region);
  const parts = region.of.map((part) => {
    const said = regionName(part, nameOf);
    return typeof part === "string" || part.op === "invert" ? said : `(${said})`;
  });
  if (region.op === "invert") return `all but ${parts.join("")}`;
  if (parts.length === 1) return parts[0] ?? "";
  if (region.op === "subtract") return `${parts[0] ?? ""} without ${parts.slice(1).join(" and ")}`;
  return parts.join(region.op === "union" ? " with " : " where it meets ");
}
