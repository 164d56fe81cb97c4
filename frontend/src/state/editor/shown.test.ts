import { expect, test } from "vitest";
import { encodeRle } from "../../masks/rle.ts";
import { NEUTRAL } from "./form.ts";
import { shownMask } from "./shown.ts";

const size = { height_px: 40, width_px: 60 };

/** A square of 20 × 20 with a hole of one pixel, and an island of one pixel. */
function mask() {
  const bitmap = new Uint8Array(size.height_px * size.width_px);
  for (let row = 10; row < 30; row++) bitmap.fill(1, row * 60 + 10, row * 60 + 30);
  bitmap[20 * 60 + 20] = 0;
  bitmap[5 * 60 + 50] = 1;
  return encodeRle(bitmap, size);
}

const loops = (path: string): number => path.split("M").length - 1;

test("a mask is shown with an outline around all its parts and its exact share", () => {
  const shown = shownMask(mask(), NEUTRAL);
  expect(loops(shown.path)).toBe(3);
  expect(shown.share).toBeCloseTo(400 / 2400, 10);
  expect(shown.alpha).toBeNull();
});

test("small islands and holes go, and growing adds to the share", () => {
  const shown = shownMask(mask(), { ...NEUTRAL, island_area_min: 0.01, hole_area_min: 0.01 });
  expect(loops(shown.path)).toBe(1);
  expect(shown.share).toBeCloseTo(400 / 2400, 10);
  expect(shownMask(mask(), { ...NEUTRAL, grow_px: 2 }).share).toBeGreaterThan(0.2);
});

test("a soft edge is clear at the border and whole inside", () => {
  const { alpha } = shownMask(mask(), { ...NEUTRAL, feather_px: 4 });
  expect(alpha?.[15 * 60 + 10]).toBeCloseTo(0.125);
  expect(alpha?.[15 * 60 + 15]).toBe(1);
});

test("a coarse picture of a mask refines it by the same share", () => {
  const refinement = { ...NEUTRAL, hole_area_min: 0.01, grow_px: 4 };
  const [fine, coarse] = [shownMask(mask(), refinement), shownMask(mask(), refinement, 30)];
  expect(Math.abs(fine.share - coarse.share)).toBeLessThan(0.03);
});
