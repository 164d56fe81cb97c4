import { expect, test } from "vitest";
import { emptyLayer, type Recipe } from "../edits/recipe.ts";
import {
  combined,
  drawAround,
  drawAs,
  faultAt,
  firstRecipe,
  isUsed,
  moved,
  numbersIn,
  operated,
  withLayer,
  without,
  withoutLayer,
  withTwin,
} from "./recipe-edit.ts";

const recipe = (): Recipe => ({
  ...firstRecipe(["a", "b"]),
  layers: [emptyLayer("a"), emptyLayer("b"), emptyLayer("a")],
});
const regions = (made: Recipe): unknown[] => made.layers.map(({ region }) => region);

test("a new recipe labels every template and has a layer on the first", () => {
  expect([firstRecipe(["a", "b"]).templates, regions(firstRecipe(["a", "b"]))]).toEqual([["a", "b"], ["a"]]);
  expect(firstRecipe([]).layers).toEqual([]);
});

test("layers move, double and go; beyond an end nothing moves", () => {
  expect(regions(moved(recipe(), 1, -1))).toEqual(["b", "a", "a"]);
  expect(regions(moved(recipe(), 2, 1))).toEqual(["a", "b", "a"]);
  expect(regions(withoutLayer(recipe(), 1))).toEqual(["a", "a"]);
  const twin = withTwin(recipe(), 1);
  expect(regions(twin)).toEqual(["a", "b", "b", "a"]);
  expect(twin.layers[1]).not.toBe(twin.layers[2]);
});

test("a template that a layer names is labelled", () => {
  const changed = withLayer({ ...recipe(), templates: ["a"] }, 0, emptyLayer({ op: "subtract", of: ["a", "c"] }));
  expect(changed.templates).toEqual(["a", "c", "b"]);
  expect([isUsed(changed, "c"), isUsed(changed, "d")]).toEqual([true, false]);
});

test("regions are combined, changed and taken apart without losing a template on the way", () => {
  const pair = combined("a", "subtract", "b");
  expect(pair).toEqual({ op: "subtract", of: ["a", "b"] });
  expect(combined(pair, "subtract", "c")).toEqual({ op: "subtract", of: ["a", "b", "c"] });
  expect(combined(pair, "invert", "c")).toEqual({ op: "invert", of: [pair] });
  expect(operated({ op: "subtract", of: ["a", "b"] }, "invert", "c")).toEqual({
    op: "invert",
    of: [{ op: "union", of: ["a", "b"] }],
  });
  expect(operated({ op: "invert", of: ["a"] }, "union", "b")).toEqual({ op: "union", of: ["a", "b"] });
  expect(without({ op: "union", of: ["a", "b"] }, 0)).toBe("b");
  expect(without({ op: "union", of: ["a", "b", "c"] }, 2)).toEqual({ op: "union", of: ["a", "b"] });
});

test("a distribution begins around the value and keeps its reach as another kind", () => {
  const draw = drawAround("hue", 0);
  expect(draw).toEqual({ kind: "uniform", low: -45, high: 45 });
  expect(drawAround("opacity", 1)).toEqual({ kind: "uniform", low: 0.88, high: 1 });
  expect(drawAs("normal", draw)).toEqual({ kind: "normal", mean: 0, deviation: 45 });
  expect(drawAs("choice", draw)).toEqual({ kind: "choice", values: [-45, 0, 45] });
  expect(drawAs("uniform", { kind: "choice", values: [] })).toEqual({ kind: "uniform", low: 0, high: 0 });
});

test("numbers are read from a text however they are parted", () => {
  expect(numbersIn("1, -2.5;3  4,,x")).toEqual([1, -2.5, 3, 4]);
});

test("a fault is found at its field, and below it only where asked", () => {
  const faults = [{ code: "out_of_range", pointer: "/layers/0/edits/hue" }] as const;
  expect(faultAt(faults, "/layers/0/edits/hue")?.code).toBe("out_of_range");
  expect(faultAt(faults, "/layers/0")).toBe(null);
  expect(faultAt(faults, "/layers/0", { deep: true })?.code).toBe("out_of_range");
  expect(faultAt(faults, "/layers/01", { deep: true })).toBe(null);
});
