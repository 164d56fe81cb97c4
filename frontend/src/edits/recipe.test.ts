import { describe, expect, test } from "vitest";
import golden from "../../../tests/contract/page/recipes.json" with { type: "json" };
import type { Sent } from "../api/client.ts";
import type * as api from "../api/types.ts";
import { faultsOf, type FaultCode } from "./faults.ts";
import { BOUNDS, CUTOUT, NEUTRAL, OUTPUT, PAINT, PART_RANGES, RANGES, SPLITS } from "./ranges.ts";
import {
  changesPixels,
  distributionOf,
  doesNothing,
  emptyLayer,
  emptyRecipe,
  fromSent,
  imagesMax,
  isNeutral,
  isVaried,
  picturesPerImage,
  toSent,
  variantsPerImage,
} from "./recipe.ts";

const sentOf = (value: unknown): Sent<api.Recipe> => value as Sent<api.Recipe>;
const TAKEN = golden.taken.map((vector) => ({ ...vector, sent: sentOf(vector.sent) }));

test("ranges, bounds and defaults are those of the service", () => {
  expect(RANGES).toEqual(golden.ranges);
  expect(PART_RANGES).toEqual(golden.part_ranges);
  expect(BOUNDS).toEqual(golden.bounds);
  expect(NEUTRAL).toEqual(golden.defaults.edits);
  expect(CUTOUT).toEqual(golden.defaults.cutout);
  expect(PAINT).toMatchObject(golden.defaults.paint);
  expect({ output: OUTPUT, splits: SPLITS }).toEqual({
    output: golden.defaults.recipe.output,
    splits: golden.defaults.recipe.splits,
  });
  expect({ ...emptyRecipe(), templates: ["t1"] }).toEqual(golden.defaults.recipe);
});

test.each(golden.acting)("$edits acts: $acts", ({ edits, acts }) => {
  expect(changesPixels({ ...NEUTRAL, ...(edits as Partial<api.Edits>) })).toBe(acts);
});

describe.each(TAKEN)("a recipe that the service takes: $sent", (vector) => {
  const recipe = fromSent(vector.sent);

  test("has no faults and counts as much as the service counts", () => {
    expect(faultsOf(recipe)).toEqual([]);
    expect(variantsPerImage(recipe)).toBe(vector.variants_per_image);
    expect(picturesPerImage(recipe)).toBe(vector.pictures_per_image);
    expect(imagesMax(recipe)).toBe(vector.images_max);
  });

  test("is filled with the service's defaults", () => {
    const layers = recipe.layers.map((layer) => ({
      ...layer,
      vary: Object.fromEntries(
        Object.entries(layer.vary).map(([name, draw]) => [
          name,
          { uniform: null, normal: null, choice: null, ...distributionOf(draw) },
        ]),
      ),
    }));
    expect({ ...recipe, layers }).toEqual(vector.full);
  });

  test("means the same after it was sent without what is neutral", () => {
    expect(fromSent(toSent(recipe))).toEqual(recipe);
    expect(JSON.stringify(toSent(recipe)).length).toBeLessThanOrEqual(JSON.stringify(vector.sent).length);
  });
});

test.each(golden.refused.map((sent) => ({ sent })))("what the service refuses has a fault: $sent", ({ sent }) => {
  expect(faultsOf(fromSent(sentOf(sent)))).toHaveLength(1);
});

test("a fault says where it is and which bounds were passed", () => {
  const recipe = fromSent({ templates: ["t1"], layers: [{ region: "t1", edits: { hue: 181 } }] });
  expect(faultsOf(recipe)).toEqual([{ code: "out_of_range", pointer: "/layers/0/edits/hue", low: -180, high: 180 }]);
});

test("what cannot be a number is out of range", () => {
  const recipe = fromSent({ templates: ["t1"] });
  recipe.layers = [{ ...emptyLayer("t1"), edits: { ...NEUTRAL, gamma: Number.NaN } }];
  expect(faultsOf(recipe).map((fault) => fault.code)).toEqual<FaultCode[]>(["out_of_range"]);
});

test("a background that is a picture has to be chosen", () => {
  const sent = { templates: ["t1"], layers: [{ region: "t1", edits: { cutout: { background: "image" as const } } }] };
  expect(faultsOf(fromSent(sent)).map((fault) => fault.code)).toEqual<FaultCode[]>(["no_background_image"]);
});

test("a recipe beyond the bytes that the service reads is found before it is sent", () => {
  const long = { op: "union" as const, of: Array.from({ length: 64 }, () => "t".repeat(600)) };
  const recipe = fromSent({ templates: ["t".repeat(600)], layers: [{ region: long }] });
  expect(faultsOf(recipe).map((fault) => fault.code)).toEqual<FaultCode[]>(["recipe_too_long"]);
});

test("a paint without strength and a blur without radius are neutral and are not sent", () => {
  const layer = emptyLayer("t1");
  layer.edits.paint = { ...PAINT, strength: 0 };
  layer.edits.blur = { radius: 0 };
  expect(isNeutral("paint", layer.edits) && isNeutral("blur", layer.edits) && doesNothing(layer)).toBe(true);
  expect(toSent({ ...emptyRecipe(), templates: ["t1"], layers: [layer] })).toEqual({
    templates: ["t1"],
    layers: [{ region: "t1" }],
  });
});

test("samples differ where a value is drawn or noise is made", () => {
  const layer = emptyLayer("t1");
  const recipe = { ...emptyRecipe(), templates: ["t1"], layers: [layer] };
  expect(isVaried(recipe)).toBe(false);
  expect(isVaried({ ...recipe, layers: [{ ...layer, edits: { ...NEUTRAL, noise: 0.1 } }] })).toBe(true);
  expect(isVaried({ ...recipe, layers: [{ ...layer, vary: { hue: { kind: "choice", values: [1, 2] } } }] })).toBe(true);
});
