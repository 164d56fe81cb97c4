// @vitest-environment jsdom
import { beforeEach, expect, test } from "vitest";
import { emptyRecipe } from "../edits/recipe.ts";
import { clearDrafts, Draft, hasDrafts } from "./draft.ts";
import { keepDraft, keyFor, readDraft } from "./recipe-draft.ts";

beforeEach(() => sessionStorage.clear());

test("a draft is there until it is cleared", () => {
  const draft = new Draft<{ points: number[] }>("template.t1", 1);
  expect([draft.read(), hasDrafts()]).toEqual([null, false]);
  expect(draft.write({ points: [1, 2] })).toBe(true);
  expect(new Draft("template.t1", 1).read()).toEqual({ points: [1, 2] });
  expect([new Draft("template.t2", 1).read(), hasDrafts()]).toEqual([null, true]);
  draft.clear();
  expect(draft.read()).toBeNull();
});

test("a draft of another version, or one that cannot be read, is none", () => {
  new Draft("a", 1).write("old");
  expect(new Draft("a", 2).read()).toBeNull();
  sessionStorage.setItem("maskmill.draft.b", "{");
  expect(new Draft("b", 1).read()).toBeNull();
});

test("what is too large is not kept, and neither is what stood there before", () => {
  const draft = new Draft<string>("a", 1);
  draft.write("small");
  expect(draft.write("x".repeat(500_000))).toBe(false);
  expect(draft.read()).toBeNull();
});

test("the oldest drafts make room for new ones", () => {
  for (let number = 0; number < 30; number++) new Draft("d" + number, 1).write(number, number);
  expect([new Draft("d9", 1).read(), new Draft("d10", 1).read(), new Draft("d29", 1).read()]).toEqual([null, 10, 29]);
  sessionStorage.setItem("else", "kept");
  clearDrafts();
  expect([hasDrafts(), sessionStorage.getItem("else")]).toEqual([false, "kept"]);
});

test("recipes go with the drafts, and nothing else of the browser's store does", () => {
  const recipe = { recipe: emptyRecipe(), images: ["i1"] };
  keepDraft("d1", recipe);
  const key = keyFor("d1", recipe);
  expect([readDraft("d1"), keyFor("d1", recipe)]).toEqual([recipe, key]);
  localStorage.setItem("maskmill.theme", "dark");
  clearDrafts();
  expect(readDraft("d1")).toBeNull();
  expect(Object.keys(localStorage)).toEqual(["maskmill.theme"]);
});
