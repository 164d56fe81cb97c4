import { expect, test } from "vitest";
import golden from "../../../tests/contract/page/regions.json" with { type: "json" };
import type { Region } from "../api/types.ts";
import { bytesOf, floatsOf, maskOf, partsOf, SIZE } from "../edits/golden.fixtures.ts";
import { largestPart } from "./components.ts";
import { squaredDistances } from "./distance.ts";
import { feather } from "./feather.ts";
import { grown, refine } from "./refine.ts";
import { alphaWindow, boxed, MissingMask, regionAlpha } from "./regions.ts";
import type { Bitmap } from "./rle.ts";

const MASKS: Record<string, string[]> = golden.masks;
const PARTS = partsOf(golden.parts);
const maskNamed = (name: string): Bitmap => maskOf(MASKS[name] ?? []);
const PIXELS = SIZE.height_px * SIZE.width_px;

test.each(golden.refined)("$mask under $refinement is the service's mask", ({ mask, refinement, out }) => {
  const raw = maskNamed(mask);
  expect(refine(raw, SIZE, refinement)).toEqual(maskOf(out));
  expect(raw).toEqual(maskNamed(mask));
});

test.each(golden.largest)("the largest part of $mask, joined at corners: $diagonal", ({ mask, diagonal, out }) => {
  expect(largestPart(maskNamed(mask), SIZE, { diagonal })).toEqual(maskOf(out));
});

test.each(golden.distances)("distances to $mask up to $cap_px are the service's", ({ mask, cap_px, out }) => {
  const squares = new Uint16Array(bytesOf(out).buffer);
  expect(squaredDistances(maskNamed(mask), SIZE, cap_px)).toEqual(Int32Array.from(squares));
});

test.each(golden.feathered)("$mask feathered by $feather_px is the service's alpha, bit for bit", (vector) => {
  expect(feather(maskNamed(vector.mask), SIZE, vector.feather_px)).toEqual(floatsOf(vector.out));
});

test.each(golden.regions)("the alpha of $region is the service's, bit for bit", ({ region, out }) => {
  const expected = floatsOf(out);
  const alpha = regionAlpha(region as Region, PARTS, SIZE);
  const whole = { top: 0, left: 0, bottom: SIZE.height_px, right: SIZE.width_px };
  expect(alpha ? alphaWindow(alpha, whole) : new Float32Array(PIXELS)).toEqual(expected);
  expect(alpha === null).toBe(expected.every((value) => value === 0));
});

test("alpha is kept on its box, and is 0 around it and beyond the picture", () => {
  const values = new Float32Array(PIXELS);
  values[2 * SIZE.width_px + 3] = 0.5;
  const alpha = boxed(values, SIZE);
  expect(alpha?.box).toEqual({ top: 2, left: 3, bottom: 3, right: 4 });
  if (alpha) {
    expect([...alphaWindow(alpha, { top: 1, left: 2, bottom: 3, right: 4 })]).toEqual([0, 0, 0, 0.5]);
    expect([...alphaWindow(alpha, { top: 2, left: -2, bottom: 3, right: 0 })]).toEqual([0, 0]);
  }
});

test("a region that names no known mask says so", () => {
  expect(() => regionAlpha("elsewhere", PARTS, SIZE)).toThrow(MissingMask);
});

test("a mask at half its size grows by half the radius, also by part of a pixel", () => {
  const disc = maskNamed("disc");
  const refinement = { island_area_min: 0, hole_area_min: 0, grow_px: 4, feather_px: 0 };
  expect(refine(disc, SIZE, refinement, 0.5)).toEqual(grown(disc, SIZE, 2));
  expect(grown(disc, SIZE, 0.4)).toEqual(disc);
});
