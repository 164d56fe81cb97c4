import { expect, test } from "vitest";
import { emptyLayer, emptyRecipe } from "../edits/recipe.ts";
import { forgetKey, keepDraft, keepImages, keyFor, readDraft, recipeFrom, type Draft } from "./recipe-draft.ts";

function store() {
  const kept = new Map<string, string>();
  return {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
  };
}

const draft = (): Draft => ({
  recipe: { ...emptyRecipe(), templates: ["t1"], layers: [emptyLayer("t1")], seed: 7 },
  images: null,
});

test("a draft comes back as it was, each dataset its own", () => {
  const kept = store();
  keepDraft("d1", draft(), kept);
  expect(readDraft("d1", kept)).toEqual(draft());
  expect(readDraft("d2", kept)).toBe(null);
});

test("a draft that cannot be read or kept is no error", () => {
  expect(readDraft("d1", { ...store(), getItem: () => "{broken" })).toBe(null);
  const full = {
    ...store(),
    setItem: () => {
      throw new DOMException("full", "QuotaExceededError");
    },
  };
  expect(() => keepDraft("d1", draft(), full)).not.toThrow();
});

test("other images leave the recipe as it is", () => {
  const kept = store();
  keepDraft("d1", draft(), kept);
  keepImages("d1", ["i1", "i2"], kept);
  expect(readDraft("d1", kept)).toEqual({ ...draft(), images: ["i1", "i2"] });
  keepImages("d2", ["i3"], kept);
  expect(readDraft("d2", kept)).toEqual({ recipe: emptyRecipe(), images: ["i3"] });
});

test("the same request keeps its key over a reload, a changed one and one after a job get another", () => {
  const kept = store();
  const first = keyFor("d1", draft(), kept);
  expect(keyFor("d1", draft(), kept)).toBe(first);
  expect(keyFor("d1", { ...draft(), images: ["i1"] }, kept)).not.toBe(first);
  const second = keyFor("d1", draft(), kept);
  forgetKey("d1", kept);
  expect(keyFor("d1", draft(), kept)).not.toBe(second);
});

test("a recipe is taken from its own JSON and from a job's, anything else is refused", () => {
  expect(recipeFrom('{"templates": ["t1"], "seed": 3}').seed).toBe(3);
  expect(recipeFrom('{"recipe": {"templates": ["t1"]}, "image_ids": null}').templates).toEqual(["t1"]);
  expect(() => recipeFrom("{")).toThrow(SyntaxError);
  for (const text of ["[]", "7", "{}", '{"templates": "t1"}', '{"templates": [], "sedd": 1}']) {
    expect(() => recipeFrom(text)).toThrow(TypeError);
  }
});
