import { expect, test } from "vitest";
import { Selection } from "./selection.svelte.ts";

test("a stretch goes on from the item that was chosen before it", () => {
  const selection = new Selection();
  selection.toggle("c", 2);
  expect(selection.anchorOr(7)).toBe(2);
  selection.extend(["c", "d", "e"]);
  expect(selection.keys).toEqual(["c", "d", "e"]);
  selection.toggle("d", 3);
  expect([selection.has("d"), selection.size, selection.anchorOr(0)]).toEqual([false, 2, 3]);
  selection.clear();
  expect([selection.size, selection.anchorOr(5)]).toEqual([0, 5]);
});
