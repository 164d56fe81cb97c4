import { describe, expect, test } from "vitest";
import golden from "../../../tests/contract/page/recipes.json" with { type: "json" };
import type { Sent } from "../api/client.ts";
import type { Recipe as SentRecipe } from "../api/types.ts";
import type { VariedEdit } from "./ranges.ts";
import { fromSent } from "./recipe.ts";
import { halfEven, sixDigits } from "./rounding.ts";
import { draw, normalQuantile } from "./sampling.ts";

interface Drawn {
  source: string;
  sample: number;
  values: Partial<Record<VariedEdit, number>>[];
}

describe.each(golden.draws)("a sample draws the service's numbers, to the last digit", ({ recipe: sent, drawn }) => {
  const recipe = fromSent(sent as unknown as Sent<SentRecipe>);

  test.each<Drawn>(drawn)("$source, sample $sample", async ({ source, sample, values }) => {
    const layers = await draw(recipe, source, sample);
    const names = recipe.layers.map((layer) => Object.keys(layer.vary) as VariedEdit[]);
    const numbers = layers.map((layer, at) =>
      Object.fromEntries((names[at] ?? []).map((name) => [name, layer.edits[name]])),
    );
    expect(numbers).toEqual(values);
  });
});

test("what is not varied keeps its value, and the recipe is left as it is", async () => {
  const recipe = fromSent({
    templates: ["t1"],
    layers: [{ region: "t1", edits: { hue: 5, gamma: 0.5 }, vary: { hue: { uniform: [10, 20] } } }],
  });
  const [layer] = await draw(recipe, "0".repeat(64), 3);
  expect(layer?.edits.gamma).toBe(0.5);
  expect(layer?.edits.hue).toBeGreaterThanOrEqual(10);
  expect(recipe.layers[0]?.edits.hue).toBe(5);
});

test("six digits are rounded as Python rounds them", () => {
  expect([0.0078125, 0.0234375, -0.0078125, 2.5].map(sixDigits)).toEqual([0.007812, 0.023438, -0.007812, 2.5]);
});

test("whole numbers are rounded as Python rounds them", () => {
  expect([0.5, 1.5, 2.5, -0.5, -1.5, 2.4999, 7].map(halfEven)).toEqual([0, 2, 2, 0, -2, 2, 7]);
});

test("the quantile has the values of tables in the middle, in the tail and far out", () => {
  expect(normalQuantile(0.5)).toBe(0);
  expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 15);
  expect(normalQuantile(1e-20)).toBeCloseTo(-9.26234008979841, 13);
});
