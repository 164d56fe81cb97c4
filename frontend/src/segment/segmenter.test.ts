import { expect, test } from "vitest";
import { inOrder, paceOf, restMs } from "./segmenter.ts";

test("the chosen candidate comes first and then the best of the others", () => {
  expect(inOrder([0.2, 0.9, 0.5], "best", 3)).toEqual([1, 2, 0]);
  expect(inOrder([0.2, 0.9, 0.5], "0", 3)).toEqual([0, 1, 2]);
  expect(inOrder([0.2, 0.9, 0.5], "2", 2)).toEqual([2, 1]);
});

test("of equals the first comes first", () => {
  expect(inOrder([0.5, 0.5, 0.5], "best", 3)).toEqual([0, 1, 2]);
  expect(inOrder([0.5, 0.5, 0.5], "1", 1)).toEqual([1]);
});

test("a slow device is asked less often", () => {
  expect([80, 119.9, 120, 400, 401].map(paceOf)).toEqual(["move", "move", "rest", "rest", "click"]);
  expect([restMs("move"), restMs("rest"), restMs("click")]).toEqual([0, 60, null]);
});
