import { expect, test } from "vitest";
import type { ItemVariants, ItemVariantsPage, JobView, VariantView } from "../api/types.ts";
import { fromSent } from "../edits/recipe.ts";
import { cardsOf, choicesOf, drawnOf, filtered, regionName, ResultPages, type Show } from "./job-results.ts";

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
  expect(filtered(cards, { kind: "layer", layer: 1 })).toHaveLength(1);
  expect(filtered(cards, { kind: "all" }, "PHOTO-11").map((card) => card.item.index)).toEqual([11]);
  expect(new Set(cards.map(({ key }) => key)).size).toBe(2);
});

const of = (region: unknown): Partial<VariantView> => ({
  layer: null,
  layers: [{ region, edits: {}, vary: {} }] as unknown as VariantView["layers"],
});

test("a variant is of each template that its regions name, however deep", () => {
  const cards = cardsOf([
    item(0, [of("t1"), of({ op: "invert", of: ["t2"] })]),
    item(1, [of({ op: "union", of: ["t1", { op: "subtract", of: ["t3", "t2"] }] })]),
  ]);
  const indices = (show: Show): number[] => filtered(cards, show).map(({ item: { index } }) => index);
  expect(indices({ kind: "template", template: "t1" })).toEqual([0, 1]);
  expect(indices({ kind: "template", template: "t2" })).toEqual([0, 1]);
  expect(indices({ kind: "template", template: "t3" })).toEqual([1]);
  expect(indices({ kind: "template", template: "t4" })).toEqual([]);
});

test("only what is done has pictures", () => {
  const cards = cardsOf([item(0, [made(0)])]);
  expect(filtered(cards, { kind: "state", state: "done" })).toEqual(cards);
  expect(filtered(cards, { kind: "state", state: "failed" })).toEqual([]);
});

test("what can be shown is counted: templates, layers that are apart, and the states that there are", () => {
  const none = { done: 0, rendering: 0, segmenting: 0, pending: 0, no_match: 0, skipped: 0, failed: 0, cancelled: 0 };
  const cards = cardsOf([item(0, [made(0), made(1)]), item(1, [made(0)])]);
  const items = { ...none, done: 2, failed: 3 };
  const counts = (choices: readonly { key: string; count: number }[]): unknown =>
    choices.map(({ key, count }) => [key, count]);
  const { all, templates, layers, states } = choicesOf(
    { recipe: { ...recipe, composition: "separate" }, items },
    cards,
  );
  expect(all.count).toBe(3);
  expect(counts(templates)).toEqual([
    ["template t1", 3],
    ["template t2", 0],
  ]);
  expect(counts(layers)).toEqual([
    ["layer 0", 2],
    ["layer 1", 1],
    ["layer 2", 0],
  ]);
  expect(counts(states)).toEqual([
    ["state done", 2],
    ["state failed", 3],
  ]);
  const plain = choicesOf({ recipe: { ...recipe, composition: "stacked", templates: ["t1"] }, items }, cards);
  expect([plain.templates, plain.layers]).toEqual([[], []]);
});

test("a region reads as a sentence", () => {
  const name = (id: string): string => ({ s: "shirt", l: "logo", c: "cap" })[id] ?? id;
  expect(regionName({ op: "subtract", of: ["s", "l"] }, name)).toBe("shirt without logo");
  expect(regionName({ op: "invert", of: [{ op: "union", of: ["s", "c"] }] }, name)).toBe("all but (shirt with cap)");
  expect(regionName({ op: "intersect", of: ["s", { op: "invert", of: ["c"] }] }, name)).toBe(
    "shirt where it meets all but cap",
  );
});
