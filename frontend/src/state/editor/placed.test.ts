import { expect, test } from "vitest";
import type { Prompt } from "../../api/types.ts";
import { areaOf } from "../../masks/rle.ts";
import { givenMask, placedPrompt } from "./placed.ts";

const prompt: Prompt = { points: [{ x: 0.1, y: 0.2, positive: true }], box: null, previous: null };
const other: Prompt = { points: [{ x: 0.9, y: 0.2, positive: true }], box: null, previous: null };
const size = { height_px: 540, width_px: 960 };

test("a fixed template asks with its own points, a centred one with the middle", () => {
  expect(placedPrompt({ prompt, placement: "fixed" }, "a")).toBe(prompt);
  expect(placedPrompt({ prompt, placement: "centre" }, "a")?.points).toEqual([{ x: 0.5, y: 0.5, positive: true }]);
  expect(placedPrompt({ prompt, placement: "whole" }, "a")).toBeNull();
});

test("what was fixed by hand for an image counts there alone, whatever the placement", () => {
  for (const placement of ["fixed", "centre", "whole"] as const) {
    const template = { prompt, placement, overrides: { a: other } };
    expect(placedPrompt(template, "a")).toBe(other);
    expect(placedPrompt(template, "b")).not.toBe(other);
    expect(givenMask(template, "a", size)).toBeNull();
  }
});

test("the whole image is every pixel of it", () => {
  for (const whole of [
    size,
    { height_px: 1, width_px: 1 },
    { height_px: 4, width_px: 4 },
    { height_px: 4000, width_px: 6000 },
  ]) {
    const mask = givenMask({ placement: "whole" }, "a", whole);
    expect(mask && areaOf(mask)).toBe(whole.height_px * whole.width_px);
  }
});

test("a mask that a template brings along fits only images of its size", () => {
  const previous = givenMask({ placement: "whole" }, "a", size);
  const template = { placement: "mask", prompt: { points: [], box: null, previous } } as const;
  const value = { ...template, prompt: { points: [], box: null, previous } };
  expect(givenMask(value, "a", size)).toBe(previous);
  expect(givenMask(value, "a", { height_px: 2, width_px: 2 })).toBeNull();
});
