import { expect, test } from "vitest";
import type { ItemVariants, ItemVariantsPage, JobView, VariantView } from "../api/types.ts";
import { fromSent } from "../edits/recipe.ts";
import { cardsOf, drawnOf, filtered, regionName, ResultPages } from "./job-results.ts";

const item = (index: number, variants: Partial<VariantView>[] = []): ItemVariants =>
  ({ index, name: `photo-${index}.jpg`, variants, labels: [] }) as unknown as ItemVariants;

/** A service whose images come to their end in any order; its pages hold two. */
class Service {
  done = new Set<number>();
  asked: (string | null)[] = [];

  read = (cursor: string | null): Promise<ItemVariantsPage> => {
    this.asked.push(cursor);
    const after = cursor === null ? -1 : Number(cursor);
    const all = [...this.done].filter((index) => index > after).sort((a, b) => a - b);
    const items = all.slice(0, 2).map((index) => item(index));
    return Promise.resolve({ items, next_cursor: all.length > 2 ? String(items.at(-1)?.index) : null });
  };
}

const signal = new AbortController().signal;

test("images that end out of order are all there, in their order, each once", async () => {
  const service = new Service();
  const pages = new ResultPages(service.read);
  for (const index of [5, 3, 0, 4, 1, 2]) {
    service.done.add(index);
    await pages.refresh(signal);
    while (pages.hasMore) await pages.more(signal);
  }
  expect(pages.items.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5]);
});

test("a page that is whole is not read again", async () => {
  const service = new Service();
  service.done = new Set([0, 1, 2, 3, 4]);
  const pages = new ResultPages(service.read);
  while (pages.hasMore) await pages.more(signal);
  service.asked = [];
  service.done.add(5);
  await pages.refresh(signal);
  expect(service.asked).toEqual(["3"]);
  expect(pages.items).toHaveLength(6);
});

test("addresses are renewed by reading the page that holds the image", async () => {
  const service = new Service();
  service.done = new Set([0, 1, 2, 3]);
  const pages = new ResultPages(service.read);
  while (pages.hasMore) await pages.more(signal);
  service.asked = [];
  await pages.renew(3, signal);
  expect(service.asked).toEqual(["1"]);
});

const recipe = fromSent({
  templates: ["t1", "t2"],
  layers: [
    { region: "t1", edits: { saturation: 0.5 }, vary: { hue: { uniform: [-90, 90] } } },
    { region: "t1", edits: { brightness: 0.2 } },
    { region: { op: "invert", of: ["t1"] } },
  ],
}) as unknown as JobView["recipe"];

const made = (layer: number | null, edits: object = {}): Partial<VariantView> => ({
  variant_id: `v${layer}`,
  layer,
  layers: [{ region: "t1", edits, vary: {} }] as unknown as VariantView["layers"],
});

test("the values that a variant drew are those that its layer varies", () => {
  const [card] = cardsOf([item(0, [made(0, { saturation: 0.5, hue: 33 })])]);
  expect(card && drawnOf(card, recipe)).toEqual([{ name: "hue", layer: 0, value: 33 }]);
  const [other] = cardsOf([item(0, [made(1, { brightness: 0.2 })])]);
  expect(other && drawnOf(other, recipe)).toEqual([]);
});

test("a filter keeps what is of its layer and of images with that name", () => {
  const cards = cardsOf([item(0, [made(1)]), item(11, [made(0)])]);
  expect(filtered(cards, { layer: 1, name: "" })).toHaveLength(1);
  expect(filtered(cards, { layer: null, name: "PHOTO-11" }).map((card) => card.item.index)).toEqual([11]);
  expect(new Set(cards.map(({ key }) => key)).size).toBe(2);
});

test("a region reads as a sentence", () => {
  const name = (id: string): string => ({ s: "shirt", l: "logo", c: "cap" })[id] ?? id;
  expect(regionName({ op: "subtract", of: ["s", "l"] }, name)).toBe("shirt without logo");
  expect(regionName({ op: "invert", of: [{ op: "union", of: ["s", "c"] }] }, name)).toBe("all but (shirt with cap)");
  expect(regionName({ op: "intersect", of: ["s", { op: "invert", of: ["c"] }] }, name)).toBe(
    "shirt where it meets all but cap",
  );
});
